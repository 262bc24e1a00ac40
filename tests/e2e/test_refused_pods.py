"""Pods that the API server refuses: the condition says why, until they are created."""

from __future__ import annotations

from collections.abc import Callable

from installation import Operator
from kubectl import Namespace, wait_for
from pipelines_on_cluster import Pipeline, resource

QUOTA = {
    "apiVersion": "v1",
    "kind": "ResourceQuota",
    "metadata": {"name": "nothing"},
    "spec": {"hard": {"pods": "0"}},
}


def test_a_quota_that_refuses_the_broker_is_in_the_condition(
    operator: Operator, new_namespace: Callable[[str], Namespace]
) -> None:
    namespace = new_namespace("quota")
    namespace.apply(QUOTA)

    def in_force() -> bool:
        quota = namespace.get("resourcequotas", "nothing") or {}
        return "hard" in quota.get("status", {})

    wait_for("the quota to be in force", in_force, 30)
    pipeline = Pipeline(namespace, resource("refused", "client-rate"))
    pipeline.apply()
    pipeline.wait("KafkaReady", "False", "PodRefused", seconds=60)
    assert "exceeded quota: nothing" in pipeline.condition("KafkaReady")["message"]
    namespace.delete("resourcequotas", "nothing")
    # The controller's next try may be a minute away.
    wait_for("the refusal to be over", lambda: pipeline.condition("KafkaReady")["reason"] != "PodRefused", 120)
    assert pipeline.pods("kafka")
