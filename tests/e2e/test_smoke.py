"""One pipeline from `helm install` to `kubectl delete` in a few minutes: what CI runs of the e2e tests.

The tests of this file are the life of one pipeline, in their order.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from alertmanagers import Alertmanagers
from installation import Operator
from kubectl import Namespace, wait_for
from logpipeline_alert_bridge.alerts import DETECTION
from pipelines_on_cluster import PIPELINES, Pipeline, resource

NAME, GOAL = "smoke", "client-rate"


@pytest.fixture(scope="module")
def alertmanagers(new_namespace: Callable[[str], Namespace]) -> Alertmanagers:
    made = Alertmanagers(new_namespace("smoke-alerts"))
    made.start()
    return made


@pytest.fixture(scope="module")
def pipeline(operator: Operator, new_namespace: Callable[[str], Namespace], alertmanagers: Alertmanagers) -> Pipeline:
    spec = resource(
        NAME,
        GOAL,
        sink={"elasticsearch": {"managed": {"storage": {"size": "1Gi"}}}},
        alerting={"alertmanager": {"url": alertmanagers.url}},
    )
    spec["spec"]["source"]["generator"]["offendersEvery"] = "4s"
    return Pipeline(new_namespace(NAME), spec)


def test_it_becomes_ready_and_every_record_is_indexed_or_a_dead_letter(pipeline: Pipeline) -> None:
    pipeline.apply()
    pipeline.wait("Ready", seconds=180)
    pipeline.wait("FlowHealthy", seconds=60)
    assert pipeline.status()["sink"]["tasks"] == "2/2"
    wait_for("records to be indexed", lambda: pipeline.status()["sink"].get("indexed", 0) > 0, 60)


def test_a_detection_reaches_a_person_through_alertmanager(pipeline: Pipeline, alertmanagers: Alertmanagers) -> None:
    def detections() -> list[dict[str, str]]:
        return [one.labels for one in alertmanagers.notifications() if one.labels["alertname"] == DETECTION]

    labels = wait_for("a detection", detections, 120, every=2)[0]
    expected = {"pipeline": NAME, "goal": GOAL, "namespace": pipeline.namespace.name, "severity": "warning"}
    assert expected.items() <= labels.items()


def test_an_edit_restarts_the_generator_alone(pipeline: Pipeline) -> None:
    def pods() -> dict[str, set[str]]:
        components = ("generator", "goal", "kafka", "connect", "elasticsearch", "alert-bridge")
        return {one: {pod["metadata"]["uid"] for pod in pipeline.pods(one)} for one in components}

    before = pods()
    pipeline.patch("/spec/source/generator/ratePerSecond", 150)
    wait_for("the generator's pod to be new", lambda: not pods()["generator"] & before["generator"], 120)
    pipeline.wait("Progressing", "False", "Complete")
    now = pods()
    assert {component for component in now if now[component] != before[component]} == {"generator"}


def test_a_change_that_would_lose_state_is_refused(pipeline: Pipeline) -> None:
    pods = {pod["metadata"]["uid"] for pod in pipeline.pods("goal")}
    pipeline.patch("/spec/goals/0/window", {"size": "40s", "slide": "1s"})
    pipeline.wait("Progressing", "False", "ChangeRefused", seconds=60)
    assert "window.size from 20 to 40" in pipeline.condition("Progressing")["message"]
    assert {pod["metadata"]["uid"] for pod in pipeline.pods("goal")} == pods
    pipeline.patch("/spec/goals/0/window", None, op="remove")
    pipeline.wait("Progressing", "False", "Complete", seconds=60)


def test_results_and_index_equal_the_reference(pipeline: Pipeline) -> None:
    raw = pipeline.stop_traffic()
    assert pipeline.assert_results(raw, GOAL)[GOAL] > 0
    pipeline.await_indexed(raw, f"http://{NAME}-elasticsearch:9200", NAME)


def test_deleted_it_leaves_its_volumes_alone(pipeline: Pipeline) -> None:
    pipeline.namespace.delete(PIPELINES, NAME)
    kinds = "configmap,service,statefulset,deployment,replicaset,pod,role,rolebinding,serviceaccount"
    wait_for("the children to go", lambda: not pipeline.children(kinds), 120)
    assert pipeline.children("persistentvolumeclaim")
