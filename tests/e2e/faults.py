"""What goes wrong with a pipeline, for real: each is there while it is entered, and names the alerts that tell of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from kubectl import kubectl
from toolbox import pod
from watched import NAME, Watched

# Sends a record again and again.
_SEND = """
import sys, time
from confluent_kafka import Producer
producer = Producer({"bootstrap.servers": sys.argv[1]})
while True:
    for _ in range(10):
        producer.produce(sys.argv[2], sys.argv[3].replace("NOW", str(time.time())))
    producer.flush()
    time.sleep(0.2)
"""
# Deletes the index whenever the operator has made it again.
_DELETE = """
import sys, time, urllib.error, urllib.request
while True:
    try:
        urllib.request.urlopen(urllib.request.Request(sys.argv[1], method="DELETE"), timeout=10)
    except urllib.error.HTTPError as error:
        if error.code != 404:
            raise
    time.sleep(0.2)
"""
# Freezes the JVM of a goal, whose process id it prints.
_FREEZE = (
    'for p in /proc/[0-9]*; do if [ "$(cat $p/comm)" = java ]; then kill -STOP ${p#/proc/}; echo ${p#/proc/}; fi; done'
)


@contextmanager
def _stopped(world: Watched, name: str) -> Iterator[None]:
    """A pod that is gone and finds no node to come back to."""
    nodes = [node["metadata"]["name"] for node in json.loads(kubectl("get", "nodes", "-o", "json"))["items"]]
    kubectl("cordon", *nodes)
    try:
        world.namespace.delete("pod", name, "--grace-period=0", "--force")
        yield
    finally:
        kubectl("uncordon", *nodes)


@contextmanager
def broker_stopped(world: Watched) -> Iterator[None]:
    with _stopped(world, f"{NAME}-kafka-1"):
        yield


@contextmanager
def elasticsearch_stopped(world: Watched) -> Iterator[None]:
    with _stopped(world, f"{NAME}-elasticsearch-0"):
        yield


@contextmanager
def goal_frozen(world: Watched) -> Iterator[None]:
    name = _goal(world, "client-rate")
    process = world.namespace.kubectl("exec", name, "--", "sh", "-c", _FREEZE).split()[0]
    try:
        yield
    finally:
        world.namespace.kubectl("exec", name, "--", "sh", "-c", f"kill -CONT {process}")


@contextmanager
def _running(world: Watched, name: str, script: str, *arguments: str) -> Iterator[None]:
    world.namespace.apply(pod(name, ["python", "-c", script, *arguments]))
    try:
        yield
    finally:
        world.namespace.delete("pod", name, "--grace-period=0", "--force")


@contextmanager
def _sent(world: Watched, name: str, record: str) -> Iterator[None]:
    with _running(world, name, _SEND, world.pipeline.bootstrap, world.pipeline.topic("raw"), record):
        yield


@contextmanager
def invalid_records(world: Watched) -> Iterator[None]:
    with _sent(world, "invalid", '{"client_ip": "10.0.0.1", "status": '):
        yield


@contextmanager
def refused_by_elasticsearch(world: Watched) -> Iterator[None]:
    # No path is an object; no goal cares for it.
    record = '{"client_ip": "10.0.0.1", "status": 200, "host": "h", "@timestamp": NOW, "path": {"of": "/"}}'
    with _sent(world, "refused", record):
        yield


@contextmanager
def slow_goals(world: Watched) -> Iterator[None]:
    # Half of what comes.
    world.pipeline.patch("/spec/spark", {"trigger": "20s", "maxRecordsPerBatch": 1000})
    try:
        yield
    finally:
        world.pipeline.patch("/spec/spark", world.pipeline.document["spec"]["spark"])


@contextmanager
def checkpoint_gone(world: Watched) -> Iterator[None]:
    name = _goal(world, "host-latency")
    change = "for f in /checkpoint/*/offsets; do chmod {} $f; done"
    world.namespace.kubectl("exec", name, "--", "sh", "-c", change.format(500))
    try:
        yield
    finally:
        world.namespace.kubectl("exec", name, "--", "sh", "-c", change.format(755))


@contextmanager
def index_gone(world: Watched) -> Iterator[None]:
    elasticsearch = f"http://{NAME}-elasticsearch:9200"

    def let_be_made(allowed: bool | None) -> None:
        body = json.dumps({"persistent": {"action.auto_create_index": allowed}})
        world.pipeline.toolbox.fetch(f"{elasticsearch}/_cluster/settings", "PUT", body)

    let_be_made(False)
    try:
        with _running(world, "delete-index", _DELETE, f"{elasticsearch}/{NAME}"):
            yield
    finally:
        let_be_made(None)


@contextmanager
def certificate_ends(world: Watched) -> Iterator[None]:
    world.put_certificate(5)
    try:
        yield
    finally:
        world.put_certificate(300)


def _goal(world: Watched, name: str) -> str:
    pods = [pod["metadata"] for pod in world.pipeline.pods("goal")]
    found: str = next(pod["name"] for pod in pods if pod["labels"]["logpipeline.dev/goal"] == name)
    return found


ALERTS: dict[Callable[[Watched], Any], tuple[str, ...]] = {
    certificate_ends: ("LogPipelineCertificateExpiring",),
    invalid_records: ("LogPipelineInvalidRecords",),
    refused_by_elasticsearch: ("LogPipelineDeadLetters",),
    broker_stopped: ("LogPipelineUnderReplicatedPartitions",),
    elasticsearch_stopped: ("LogPipelineFlowUnhealthy", "LogPipelineNotReady"),
    goal_frozen: ("LogPipelineGoalNotProgressing",),
    checkpoint_gone: ("LogPipelineCheckpointFailing", "LogPipelineGoalDown", "LogPipelineGoalRestarting"),
    slow_goals: ("LogPipelineGoalFallingBehind",),
    index_gone: ("LogPipelineConnectorFailed",),
}
# Those that do not hide each other come together, for time's sake.
TOGETHER = [
    (broker_stopped, elasticsearch_stopped),
    (goal_frozen, checkpoint_gone),
    (slow_goals, index_gone),
    (certificate_ends, invalid_records, refused_by_elasticsearch),
]
