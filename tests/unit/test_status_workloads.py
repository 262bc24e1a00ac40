"""What the live objects of a workload tell, as an API server gives them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from logpipeline_operator.observe.facts import WorkloadFacts
from logpipeline_operator.observe.workloads import all_workload_facts

CREATED = "2026-03-01T11:59:00Z"
UNREADY = datetime(2026, 3, 1, 11, 59, 1, tzinfo=UTC)
LABELS = {"app.kubernetes.io/instance": "web", "app.kubernetes.io/component": "goal", "logpipeline.dev/goal": "a"}


def stateful_set(**status: Any) -> dict[str, Any]:
    return {
        "kind": "StatefulSet",
        "metadata": {"name": "web-goal-a", "generation": 3, "labels": LABELS},
        "spec": {"replicas": 1},
        "status": {"observedGeneration": 3, "replicas": 1, "updatedReplicas": 1, **status},
    }


def pod(
    name: str = "web-goal-a-0",
    owner: tuple[str, str] = ("StatefulSet", "web-goal-a"),
    container: dict[str, Any] | None = None,
    **status: Any,
) -> dict[str, Any]:
    states = {"name": "goal", "image": "registry.example/spark:1", "ready": False, "restartCount": 0, "state": {}}
    return {
        "kind": "Pod",
        "metadata": {
            "name": name,
            "creationTimestamp": CREATED,
            "labels": LABELS,
            "ownerReferences": [{"kind": owner[0], "name": owner[1], "controller": True}],
        },
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": "False", "lastTransitionTime": "2026-03-01T11:59:01Z"}],
            **({} if container is None else {"containerStatuses": [{**states, **container}]}),
            **status,
        },
    }


READY = {"conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": CREATED}]}
RUNNING = {"state": {"running": {"startedAt": CREATED}}, "ready": True}
PULL_ERROR = "rpc error: code = NotFound desc = failed to pull and unpack image: not found"
KILLED = {"exitCode": 137, "reason": "OOMKilled", "finishedAt": "2026-03-01T11:58:00Z"}
FAILED = {
    "exitCode": 1,
    "reason": "Error",
    "finishedAt": "2026-03-01T11:58:30Z",
    "message": "Traceback (most recent call last):\nerror: --kafka-secret: no password\n",
}


def facts(*children: dict[str, Any]) -> WorkloadFacts:
    (found,) = all_workload_facts(children)
    return found


def test_a_pod_that_is_ready() -> None:
    found = facts(stateful_set(readyReplicas=1), pod(container=RUNNING, **READY))
    expected = WorkloadFacts("web-goal-a", "goal", "a", desired=1, ready=1, updated=1, pods=1)
    assert found == expected
    assert found.is_ready
    assert found.is_settled


@pytest.mark.parametrize(
    ("seen", "waiting", "message"),
    [
        pytest.param(
            pod(container={"state": {"waiting": {"reason": "ContainerCreating"}}}), None, None, id="on its way"
        ),
        pytest.param(
            pod(container={"state": {"waiting": {"reason": "ErrImagePull", "message": PULL_ERROR}}}),
            "ErrImagePull",
            "web-goal-a-0 cannot pull the image registry.example/spark:1",
            id="no image",
        ),
        pytest.param(
            pod(
                container={
                    "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s restarting"}},
                    "lastState": {"terminated": FAILED},
                    "restartCount": 3,
                }
            ),
            "CrashLoopBackOff",
            "Error (exit code 1): error: --kafka-secret: no password",
            id="crash loop",
        ),
        pytest.param(
            pod(
                container={
                    "state": {"waiting": {"reason": "CrashLoopBackOff"}},
                    "lastState": {"terminated": KILLED},
                    "restartCount": 3,
                }
            ),
            "OOMKilled",
            "OOMKilled (exit code 137)",
            id="out of memory",
        ),
        pytest.param(
            pod(
                phase="Pending",
                conditions=[
                    {
                        "type": "PodScheduled",
                        "status": "False",
                        "reason": "Unschedulable",
                        "message": "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.",
                    }
                ],
            ),
            "Unschedulable",
            "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.",
            id="no node",
        ),
        pytest.param(
            pod(
                container={
                    "state": {"waiting": {"reason": "CreateContainerConfigError", "message": 'secret "s" not found'}}
                }
            ),
            "CreateContainerConfigError",
            'secret "s" not found',
            id="no Secret",
        ),
        pytest.param(
            pod(phase="Failed", reason="Evicted", message="The node was low on resource: memory."),
            "Evicted",
            "The node was low on resource: memory.",
            id="evicted and not replaced",
        ),
    ],
)
def test_why_a_pod_does_not_start(seen: dict[str, Any], waiting: str | None, message: str | None) -> None:
    found = facts(stateful_set(), seen)
    assert (found.waiting, found.message) == (waiting, message)
    assert not found.is_ready


def test_how_it_ended_is_kept_when_it_runs_again() -> None:
    found = facts(
        stateful_set(readyReplicas=1),
        pod(container={**RUNNING, "restartCount": 2, "lastState": {"terminated": FAILED}}, **READY),
    )
    assert (found.waiting, found.restarts) == (None, 2)
    assert found.last_exit == "Error (exit code 1): error: --kafka-secret: no password"
    assert found.is_settled


def test_evicted_pods_that_were_replaced_do_not_count() -> None:
    gone = pod("web-goal-a-1", phase="Failed", reason="Evicted")
    found = facts(stateful_set(readyReplicas=1), gone, pod(container=RUNNING, **READY))
    assert (found.waiting, found.pods) == (None, 1)


def test_executors_are_told_apart_from_the_driver() -> None:
    executor = pod(
        "web-goal-a-exec-1",
        ("Pod", "web-goal-a-0"),
        phase="Pending",
        conditions=[{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no cpu"}],
    )
    executor["metadata"]["labels"] = {**LABELS, "spark-role": "executor"}
    found = facts(stateful_set(readyReplicas=1), pod(container=RUNNING, **READY), executor)
    assert (found.pods, found.waiting, found.executor_fault) == (1, None, "Unschedulable: no cpu")


def test_a_rollout_that_its_controller_has_not_seen_is_not_settled() -> None:
    old = stateful_set(readyReplicas=1)
    old["metadata"]["generation"] = 4
    found = facts(old, pod(container=RUNNING, **READY))
    assert not found.is_ready


def test_pods_of_a_deployment_that_may_not_be_made() -> None:
    refused = "pods is forbidden: exceeded quota: compute"
    deployment = {
        "kind": "Deployment",
        "metadata": {"name": "web-connect", "generation": 1, "labels": {"app.kubernetes.io/component": "connect"}},
        "spec": {"replicas": 2},
        "status": {
            "observedGeneration": 1,
            "conditions": [{"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": refused}],
        },
    }
    found = facts(deployment, pod("web-goal-a-0"))
    assert (found.pods, found.waiting, found.message) == (0, "FailedCreate", refused)
    owned = pod("web-connect-5f7-x", ("ReplicaSet", "web-connect-5f7"), container=RUNNING, **READY)
    assert facts(deployment, owned).pods == 1


def test_the_age_of_a_fault_is_that_of_the_oldest_pod() -> None:
    assert facts(stateful_set(), pod(container=RUNNING)).unready_since == UNREADY
