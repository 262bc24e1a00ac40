"""What watches the pipelines: a real Prometheus with our scrape configuration, rules and dashboards, and real faults.

The tests of this file are the life of one pipeline, in their order. Each fault must raise its alert, which names the
pipeline, reaches a person through Alertmanager, and ends with the fault.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import reduce
from pathlib import Path
from typing import Any

import pytest

from alertmanagers import Alertmanagers
from external_services import Authority, secret
from installation import Operator
from kubectl import Namespace, kubectl, wait_for
from pipelines_on_cluster import Pipeline, resource
from prometheus import FILES, Prometheus
from toolbox import pod

NAME = "shop"
SMALL = {"requests": {"cpu": "100m", "memory": "448Mi"}}
# A rule waits 45 s at most, made quicker; the rest is for what it looks at.
FIRES, ENDS = 240.0, 240.0
DETECTIONS = {"LogPipelineDetection", "LogPipelineDetectionsHeldBack"}

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
# Freezes the JVM of a goal, whose process id it prints.
_FREEZE = (
    'for p in /proc/[0-9]*; do if [ "$(cat $p/comm)" = java ]; then kill -STOP ${p#/proc/}; echo ${p#/proc/}; fi; done'
)


class World:
    """The pipeline and those who watch it."""

    def __init__(self, namespace: Namespace, operator: Operator, folder: Path) -> None:
        self.namespace = namespace
        self._folder = folder
        self.alertmanagers = Alertmanagers(namespace)
        host = self.alertmanagers.url.removeprefix("http://")
        self.prometheus = Prometheus(namespace, operator.namespace.name, host)
        self.put_certificate(300)
        document = resource(
            NAME,
            "client-rate",
            "host-latency",
            source={
                "topic": {"partitions": 4, "replicas": 3},
                "allowedLateness": "5s",
                "generator": {"ratePerSecond": 100, "offendersEvery": "10s"},
            },
            kafka={"managed": {"replicas": 3, "storage": {"size": "1Gi"}, "resources": SMALL}},
            sink={"elasticsearch": {"managed": {"storage": {"size": "1Gi"}}}},
            alerting={"alertmanager": {"url": self.alertmanagers.url, "secretRef": {"name": "alertmanager"}}},
        )
        for goal in document["spec"]["goals"]:
            goal["topic"] = {"replicas": 3}
        self.pipeline = Pipeline(namespace, document)

    def put_certificate(self, days: int) -> None:
        """Let the authority in Alertmanager's Secret end after so many days."""
        self.namespace.apply(secret("alertmanager", {"ca.crt": Authority(self._folder, days).certificate}))

    def firing(self) -> set[str]:
        """The alerts on the pipeline that fire now, by name."""
        return {name for name, pipeline in self.prometheus.firing() if pipeline == NAME}

    def told(self, name: str, status: str, since: float) -> bool:
        """Whether a person was told so of the pipeline since then."""
        return any(
            one.labels["alertname"] == name
            and one.labels.get("pipeline") == NAME
            and one.status == status
            and one.at >= since
            for one in self.alertmanagers.notifications()
        )


@pytest.fixture(scope="module")
def world(
    operator: Operator, new_namespace: Callable[[str], Namespace], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    made = World(new_namespace("monitoring"), operator, tmp_path_factory.mktemp("authority"))
    try:
        made.alertmanagers.start()
        made.prometheus.start()
        made.pipeline.apply()
        made.pipeline.wait("Ready", seconds=300)
        made.pipeline.wait("FlowHealthy", seconds=120)
        yield made
    finally:
        made.prometheus.remove()


def queries(values: dict[str, str]) -> list[tuple[str, str]]:
    """Each query of the dashboards with its place, `values` in the place of its variables."""
    return [
        (f"{file.stem}: {panel['title']}", reduce(lambda text, one: text.replace(*one), values.items(), target["expr"]))
        for file in sorted((FILES / "dashboards").iterdir())
        for panel in json.loads(file.read_text())["panels"]
        for target in panel.get("targets", [])
    ]


def test_every_part_is_watched_and_every_query_of_the_dashboards_answers(world: World) -> None:
    parts = {"kafka", "connect", "goal", "generator", "alert-bridge"}

    def watched() -> bool:
        up = world.prometheus.query(f'up{{pipeline="{NAME}"}} == 1')
        pods = [pod for part in parts for pod in world.pipeline.pods(part)]
        return {one["metric"]["pod"] for one in up} == {pod["metadata"]["name"] for pod in pods}

    wait_for("all parts to be watched", watched, 60, every=2)
    values = {"$namespace": world.namespace.name, "$pipeline": NAME, "$goal": "client-rate|host-latency"}
    values["$__rate_interval"] = "30s"

    asked = queries(values)
    assert len(asked) > 50

    def empty() -> list[str]:
        return [
            f"{place}: {expression}"
            for place, expression in asked
            if not any(one["value"][1] != "NaN" for one in world.prometheus.query(expression))
        ]

    deadline = time.monotonic() + 120
    while lacking := empty():
        assert time.monotonic() < deadline, "without data:\n" + "\n".join(lacking)


def test_nothing_but_detections_is_told_while_all_is_well(world: World) -> None:
    wait_for("the start to be over", lambda: not world.firing(), 120, every=3)
    began = time.time()
    # As long as any rule waits, made quicker.
    time.sleep(45)
    assert world.firing() == set()
    told = {one.labels["alertname"] for one in world.alertmanagers.notifications() if one.at > began}
    assert told <= DETECTIONS


@contextmanager
def _stopped(world: World, name: str) -> Iterator[None]:
    """A pod that is gone and finds no node to come back to."""
    nodes = [node["metadata"]["name"] for node in json.loads(kubectl("get", "nodes", "-o", "json"))["items"]]
    kubectl("cordon", *nodes)
    try:
        world.namespace.delete("pod", name, "--grace-period=0", "--force")
        yield
    finally:
        kubectl("uncordon", *nodes)


@contextmanager
def broker_stopped(world: World) -> Iterator[None]:
    with _stopped(world, f"{NAME}-kafka-1"):
        yield


@contextmanager
def elasticsearch_stopped(world: World) -> Iterator[None]:
    with _stopped(world, f"{NAME}-elasticsearch-0"):
        yield


@contextmanager
def goal_frozen(world: World) -> Iterator[None]:
    name = _goal(world, "client-rate")
    process = world.namespace.kubectl("exec", name, "--", "sh", "-c", _FREEZE).split()[0]
    yield
    world.namespace.kubectl("exec", name, "--", "sh", "-c", f"kill -CONT {process}")


@contextmanager
def _sent(world: World, name: str, record: str) -> Iterator[None]:
    command = ["python", "-c", _SEND, world.pipeline.bootstrap, world.pipeline.topic("raw"), record]
    world.namespace.apply(pod(name, command))
    yield
    world.namespace.delete("pod", name, "--grace-period=0", "--force")


@contextmanager
def invalid_records(world: World) -> Iterator[None]:
    with _sent(world, "invalid", '{"client_ip": "10.0.0.1", "status": '):
        yield


@contextmanager
def refused_by_elasticsearch(world: World) -> Iterator[None]:
    # No path is an object; no goal cares for it.
    record = '{"client_ip": "10.0.0.1", "status": 200, "host": "h", "@timestamp": NOW, "path": {"of": "/"}}'
    with _sent(world, "refused", record):
        yield


@contextmanager
def slow_goals(world: World) -> Iterator[None]:
    # Half of what comes.
    world.pipeline.patch("/spec/spark", {"trigger": "20s", "maxRecordsPerBatch": 1000})
    yield
    world.pipeline.patch("/spec/spark", world.pipeline.document["spec"]["spark"])


@contextmanager
def checkpoint_gone(world: World) -> Iterator[None]:
    name = _goal(world, "host-latency")
    change = "for f in /checkpoint/*/offsets; do chmod {} $f; done"
    world.namespace.kubectl("exec", name, "--", "sh", "-c", change.format(500))
    yield
    world.namespace.kubectl("exec", name, "--", "sh", "-c", change.format(755))


@contextmanager
def index_gone(world: World) -> Iterator[None]:
    elasticsearch = f"http://{NAME}-elasticsearch:9200"

    def let_be_made(allowed: bool | None) -> None:
        body = json.dumps({"persistent": {"action.auto_create_index": allowed}})
        world.pipeline.toolbox.fetch(f"{elasticsearch}/_cluster/settings", "PUT", body)

    let_be_made(False)
    world.pipeline.toolbox.fetch(f"{elasticsearch}/{NAME}", "DELETE")
    yield
    let_be_made(None)


@contextmanager
def certificate_ends(world: World) -> Iterator[None]:
    world.put_certificate(5)
    yield
    world.put_certificate(300)


def _goal(world: World, name: str) -> str:
    pods = [pod["metadata"] for pod in world.pipeline.pods("goal")]
    found: str = next(pod["name"] for pod in pods if pod["labels"]["logpipeline.dev/goal"] == name)
    return found


ALERTS: dict[Callable[[World], Any], tuple[str, ...]] = {
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
    (certificate_ends, invalid_records, refused_by_elasticsearch),
    (broker_stopped, elasticsearch_stopped),
    (goal_frozen, checkpoint_gone),
    (slow_goals, index_gone),
]


@pytest.mark.parametrize("faults", TOGETHER, ids=["-".join(fault.__name__ for fault in faults) for faults in TOGETHER])
def test_faults_are_told_and_their_ends_too(world: World, faults: tuple[Callable[[World], Any], ...]) -> None:
    alerts = [alert for fault in faults for alert in ALERTS[fault]]
    assert world.firing().isdisjoint(alerts)
    began = time.time()
    with ExitStack() as stack:
        for fault in faults:
            stack.enter_context(fault(world))
        for alert in alerts:
            wait_for(f"{alert} to be told", lambda alert=alert: world.told(alert, "firing", began), FIRES, every=2)
    for alert in alerts:
        wait_for(f"the end of {alert}", lambda alert=alert: world.told(alert, "resolved", began), ENDS, every=2)
    wait_for("all to be well again", lambda: not world.firing(), ENDS, every=3)
