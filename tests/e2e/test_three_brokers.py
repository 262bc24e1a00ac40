"""Three brokers: one is killed, all are restarted in turn, and no acknowledged record is lost meanwhile."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable

import pytest

from installation import Operator
from kubectl import Namespace, wait_for
from pipelines_on_cluster import Pipeline, resource

SMALL = {"requests": {"cpu": "100m", "memory": "448Mi"}}
RECORDS_PER_SECOND = 300

# Sends numbered records until its input ends, and prints how many of them Kafka has acknowledged.
_SEND = """
import json, select, sys, time
from confluent_kafka import Producer
settings, topic, rate = json.loads(sys.argv[1]), sys.argv[2], int(sys.argv[3])
acknowledged, refused = [], []
def told(error, message):
    (refused if error else acknowledged).append(message)
producer = Producer({**settings, "enable.idempotence": True, "linger.ms": 20, "delivery.timeout.ms": 300000, "log_level": 0})
number, began, end = 0, time.time(), float(sys.argv[4])
while time.time() - began < end:
    due = int((time.time() - began) * rate)
    while number < due:
        record = {"client_ip": f"10.0.0.{number % 40}", "host": "h", "status": 200, "@timestamp": time.time(), "number": number}
        producer.produce(topic, json.dumps(record), partition=number % 4, callback=told)
        number += 1
    producer.poll(0.05)
producer.flush(120)
print(json.dumps({"sent": number, "acknowledged": len(acknowledged), "refused": len(refused)}))
"""


@pytest.fixture(scope="module")
def three(operator: Operator, new_namespace: Callable[[str], Namespace]) -> Pipeline:
    topic = {"partitions": 4, "replicas": 3}
    document = resource(
        "three",
        "client-rate",
        source={"topic": topic, "allowedLateness": "5s"},
        kafka={"managed": {"replicas": 3, "storage": {"size": "1Gi"}, "resources": SMALL}},
    )
    document["spec"]["goals"][0]["topic"] = {"replicas": 3}
    pipeline = Pipeline(new_namespace("three"), document)
    pipeline.apply()
    pipeline.wait("Ready", seconds=240)
    return pipeline


def test_no_record_is_lost_when_one_dies_and_when_all_restart_in_turn(three: Pipeline) -> None:
    load: dict[str, int] = {}

    def send() -> None:
        settings = json.dumps({"bootstrap.servers": three.bootstrap})
        arguments = (settings, "three.raw", str(RECORDS_PER_SECOND), "150")
        load.update(json.loads(three.toolbox.python(_SEND, *arguments, seconds=400)))

    sender = threading.Thread(target=send)
    sender.start()
    time.sleep(10)
    three.namespace.delete("pod", "three-kafka-1", "--grace-period=0", "--force")
    # Two of three serve on, and that is said.
    three.wait("KafkaReady", reason="ReplicasOutOfSync", seconds=30)
    three.wait("KafkaReady", reason="Ready", seconds=120)

    before = {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in three.pods("kafka")}
    three.patch("/spec/kafka/managed/config", {"log.cleaner.backoff.ms": "20000"})
    most_down = 0

    def all_new() -> bool:
        nonlocal most_down
        pods = three.pods("kafka")
        ready = [
            pod
            for pod in pods
            if "deletionTimestamp" not in pod["metadata"]
            and any(one["type"] == "Ready" and one["status"] == "True" for one in pod["status"].get("conditions", []))
        ]
        most_down = max(most_down, 3 - len(ready))
        return len(ready) == 3 and all(pod["metadata"]["uid"] != before[pod["metadata"]["name"]] for pod in pods)

    wait_for("all brokers to be new", all_new, 240)
    assert most_down == 1
    three.wait("Ready", seconds=120)
    sender.join()

    raw = three.stop_traffic()
    numbers = [json.loads(message.value or b"")["number"] for message in raw]
    assert load["refused"] == 0
    assert load["acknowledged"] == load["sent"] > 100 * RECORDS_PER_SECOND
    assert sorted(numbers) == list(range(load["sent"]))
    assert three.assert_results(raw, "client-rate")["client-rate"] > 10
