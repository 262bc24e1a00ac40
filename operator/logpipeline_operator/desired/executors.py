"""Executors in pods of their own: what the goals' drivers may do, and the pods that they start."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml

from logpipeline.api import LogPipeline
from logpipeline_operator.desired import pods
from logpipeline_operator.desired.component import ROLE_LABEL, Component, child_name

ACCOUNT = "goals"
TEMPLATE = "executor.yaml"
_RBAC = "rbac.authorization.k8s.io"
# All that Spark's scheduler asks for.
_RULES = [
    {
        "apiGroups": [""],
        "resources": ["pods"],
        "verbs": ["create", "get", "list", "watch", "delete", "deletecollection"],
    }
]


def account_objects(pipeline: LogPipeline) -> list[dict[str, Any]]:
    """Return the account of the goals' drivers and its rights, none for a pipeline without executors."""
    if not pipeline.spec.spark.executors:
        return []
    component = Component(pipeline, "goal")
    name = child_name(pipeline.name, ACCOUNT)
    subject = {"kind": "ServiceAccount", "name": name, "namespace": pipeline.metadata.namespace}
    role = {"apiGroup": _RBAC, "kind": "Role", "name": name}
    return [
        component.object("v1", "ServiceAccount", name),
        component.object(f"{_RBAC}/v1", "Role", name, rules=_RULES),
        component.object(f"{_RBAC}/v1", "RoleBinding", name, roleRef=role, subjects=[subject]),
    ]


def executor_template(component: Component, volumes: Sequence[pods.Volume], *, shares_volume: bool) -> str:
    """Return the pod that Spark starts its executors from, as YAML; image, resources and arguments are Spark's.

    `shares_volume`: the state is on a volume that one node mounts at a time, so the executors run on the driver's node.
    """
    container = pods.container("executor", "", {}, volumes, command=["spark-executor"])
    del container["image"], container["resources"]
    plan = pods.PodPlan(
        [container],
        list(volumes),
        component.pipeline.spec.spark.pod,
        grace_seconds=10,
        spread=not shares_volume,
        labels={ROLE_LABEL: "executor"},
    )
    template = pods.pod_template(component, plan)
    if shares_volume:
        pods.beside(template, {**component.selector, ROLE_LABEL: "driver"})
    return yaml.safe_dump({"apiVersion": "v1", "kind": "Pod", **template})
