"""A goal that is spread over executor pods finds what it finds alone: two pipelines read the same records."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from installation import Operator
from kubectl import Namespace, wait_for
from pipelines_on_cluster import Pipeline, resource
from toolbox import allowed

SPREAD = {"app.kubernetes.io/instance": "spread"}


@pytest.fixture(scope="module")
def pipelines(operator: Operator, new_namespace: Callable[[str], Namespace]) -> tuple[Pipeline, Pipeline]:
    namespace = new_namespace("executors")
    alone = Pipeline(namespace, resource("alone", "client-rate", networkPolicy=allowed(SPREAD)))
    spread = Pipeline(
        namespace,
        resource(
            "spread",
            "client-rate",
            source={"topic": {"name": "alone.raw", "partitions": 4}, "allowedLateness": "5s"},
            kafka={"external": {"bootstrapServers": "alone-kafka-bootstrap:9092"}},
            spark={"trigger": "2s", "executors": 2},
        ),
    )
    spread.bootstrap = alone.bootstrap
    alone.apply()
    alone.wait("Ready")
    spread.apply()
    spread.wait("Ready")
    return alone, spread


def executors(pipeline: Pipeline) -> list[str]:
    labels = f"app.kubernetes.io/instance={pipeline.name},logpipeline.dev/role=executor"
    pods = pipeline.namespace.list("pods", labels)
    return [pod["metadata"]["name"] for pod in pods if pod["status"].get("phase") == "Running"]


def test_two_executors_find_what_none_finds(pipelines: tuple[Pipeline, Pipeline]) -> None:
    alone, spread = pipelines
    before = wait_for("two executors", lambda: found if len(found := executors(spread)) == 2 else None, 120)
    assert not executors(alone)

    # One executor and the driver die on the way.
    spread.namespace.delete("pod", before[0], "--grace-period=0", "--force")
    wait_for(
        "the executor to be replaced", lambda: len(executors(spread)) == 2 and before[0] not in executors(spread), 60
    )
    (driver,) = [pod for pod in spread.pods("goal") if pod["metadata"]["name"].endswith("-0")]
    running = set(executors(spread))
    spread.namespace.delete("pod", driver["metadata"]["name"], "--grace-period=0", "--force")
    wait_for("new executors", lambda: len(executors(spread)) == 2 and not running & set(executors(spread)), 120)
    spread.wait("Ready")

    raw = alone.stop_traffic()
    spread.stop_traffic()
    found = alone.assert_results(raw, "client-rate")
    assert found["client-rate"] > 5
    assert spread.assert_results(raw, "client-rate") == found
