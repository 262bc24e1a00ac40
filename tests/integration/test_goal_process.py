"""A goal's process as a pod runs it: a mounted Secret, probes, an end in good order, and a new version of its state."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from confluent_kafka import Producer

from goal_process import GoalProcess
from messages import read
from processes import Broker

RECORDS = 400


def write_resource(folder: Path, servers: str, topic: str, **goal: Any) -> None:
    security = {"protocol": "SASL_PLAINTEXT", "mechanism": "PLAIN", "secretRef": {"name": "reader"}}
    resource = {
        "apiVersion": "logpipeline.dev/v1alpha1",
        "kind": "LogPipeline",
        "metadata": {"name": topic},
        "spec": {
            "source": {"topic": {"name": topic, "partitions": 2}},
            "kafka": {"external": {"bootstrapServers": servers, "security": security}},
            "goals": [{"name": "busy", "preset": "client-rate", "topic": {"name": f"{topic}.busy"}, **goal}],
            "spark": {"conf": {"spark.driver.extraJavaOptions": "-Dours.too=1"}},
        },
    }
    (folder / "pipeline.yaml").write_text(yaml.safe_dump(resource))


def send(kafka: Broker, topic: str, client: str) -> None:
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers})
    for index in range(RECORDS):
        record = {"client_ip": client, "status": 200, "@timestamp": 1_700_000_000 + index / 100}
        producer.produce(topic, json.dumps(record), partition=index % 2)
    assert producer.flush(30) == 0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "secret").mkdir()
    for key, value in Broker.USER.items():
        (tmp_path / "secret" / key).write_text(value + "\n")
    return tmp_path


def test_a_goal_reads_with_its_secret_and_goes_on_or_anew_as_its_state_version_says(
    kafka: Broker, topic: str, folder: Path
) -> None:
    kafka.topic(topic, 2)
    for name in ("busy", "invalid"):
        kafka.topic(f"{topic}.{name}")
    write_resource(folder, kafka.secured_servers, topic)
    options: dict[str, Any] = {"bootstrap_servers": kafka.secured_servers}
    send(kafka, topic, "10.0.0.1")
    with GoalProcess(folder, kafka, "--kafka-secret", folder / "secret", **options) as first:
        (goal,) = first.wait_until(lambda goals: all(goal["lag_records"] == 0 for goal in goals)).values()
        assert goal["offset_total"] == RECORDS
        assert (first.answers("healthz"), first.answers("readyz")) == (200, 200)
        assert first.stop() == 0
    log = (folder / "goals.log").read_text()
    assert Broker.USER["password"] not in log

    with GoalProcess(folder, kafka, "--kafka-secret", folder / "secret", **options) as second:
        (goal,) = second.wait_until(lambda goals: all(goal["batch"] is not None for goal in goals)).values()
        assert (goal["batch"], goal["offset_total"], goal["records_total"]) == (0, RECORDS, 0)
        assert goal["last_batch_time"] is not None
        assert second.stop() == 0

    planned = folder / "checkpoints" / "busy" / "offsets" / "0"
    planned.write_bytes(planned.read_bytes()[:-5])
    with GoalProcess(folder, kafka, "--kafka-secret", folder / "secret", **options) as damaged:
        assert damaged.wait() == 2
    said = (folder / "goals.log").read_text().splitlines()[-2]
    assert "busy/offsets/0 is missing or cut off; restore the folder from a copy, or raise the goal's stateVer" in said

    anew = {"window": {"size": "10s", "slide": "1s"}, "stateVersion": 2, "startFrom": "latest"}
    write_resource(folder, kafka.secured_servers, topic, **anew)
    with GoalProcess(folder, kafka, "--kafka-secret", folder / "secret", **options) as third:
        third.wait_until(lambda goals: all(goal["state"] == "running" for goal in goals))
        send(kafka, topic, "10.0.0.2")
        (goal,) = third.wait_until(lambda goals: all(goal["records_total"] == RECORDS for goal in goals)).values()
        assert goal["checkpoint"].endswith("/checkpoints/busy.v2")
        assert (goal["state_version"], goal["offset_total"]) == (2, 2 * RECORDS)
        assert third.stop() == 0
    clients = [(message.key or b"").decode() for message in read(kafka.bootstrap_servers, f"{topic}.busy")]
    assert set(clients) == {"10.0.0.1", "10.0.0.2"}


def test_a_checkpoint_that_cannot_be_written_stops_its_goal_alone(kafka: Broker, topic: str, tmp_path: Path) -> None:
    kafka.topic(topic, 2)
    for name in ("busy", "full", "invalid"):
        kafka.topic(f"{topic}.{name}")
    goals = [{"name": name, "preset": "client-rate", "topic": {"name": f"{topic}.{name}"}} for name in ("full", "busy")]
    spec = {"source": {"topic": {"name": topic, "partitions": 2}}, "kafka": {"managed": {}}, "goals": goals}
    head = {"apiVersion": "logpipeline.dev/v1alpha1", "kind": "LogPipeline", "metadata": {"name": topic}}
    (tmp_path / "pipeline.yaml").write_text(yaml.safe_dump({**head, "spec": spec}))
    (tmp_path / "checkpoints").mkdir()
    # Where a folder should be there is a file: an IOException for every user, root among them.
    in_the_way = tmp_path / "checkpoints" / "full"
    in_the_way.write_text("")
    send(kafka, topic, "10.0.0.1")
    with GoalProcess(tmp_path, kafka) as process:
        seen = process.wait_until(
            lambda goals: (
                {goal["goal"] for goal in goals if goal["records_total"] == RECORDS} == {"busy"}
                and any(goal["restarts"] > 1 for goal in goals)
            )
        )
        assert (seen["full"]["checkpoint_failed"], seen["busy"]["restarts"]) == (True, 0)
        assert "Exception" in seen["full"]["error"]
        in_the_way.unlink()
        process.wait_until(lambda goals: all(goal["records_total"] == RECORDS for goal in goals))
        assert process.stop() == 0
