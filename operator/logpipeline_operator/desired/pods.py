"""Pods under Pod Security `restricted`: nothing is root, nothing is writable but /tmp and the volumes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from logpipeline.api.pods import Pod
from logpipeline.api.resource import GROUP
from logpipeline_operator.desired.component import Component
from logpipeline_operator.desired.quantities import canonical

# The user of our own images.
OUR_USER = 10001
TMP = "/tmp"  # noqa: S108 - the pod's own
_HOST, _ZONE = "kubernetes.io/hostname", "topology.kubernetes.io/zone"


@dataclass(frozen=True)
class Volume:
    """A volume of a pod and where it is mounted; `source` is a volume of the pod's spec without its name."""

    name: str
    path: str
    source: Mapping[str, Any] | None
    read_only: bool = False

    @property
    def mount(self) -> dict[str, Any]:
        """The container's side of it."""
        return {"name": self.name, "mountPath": self.path} | ({"readOnly": True} if self.read_only else {})


def temporary(size: str, path: str = TMP, name: str = "tmp") -> Volume:
    """Return a folder that lives as long as the pod; a pod that puts more than `size` into it is evicted."""
    return Volume(name, path, {"emptyDir": {"sizeLimit": canonical(size)}})


def files(component: Component, path: str) -> Volume:
    """Return the component's ConfigMap as a folder."""
    return Volume("config", path, {"configMap": {"name": component.name}}, read_only=True)


def claimed(name: str, path: str, claim: str) -> Volume:
    """Return the volume of a claim."""
    return Volume(name, path, {"persistentVolumeClaim": {"claimName": claim}})


def environment(values: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return environment variables with these values."""
    return [{"name": name, "value": value} for name, value in values.items()]


def pod_fields(**paths: str) -> list[dict[str, Any]]:
    """Return environment variables with what Kubernetes knows of the pod, by the path of its field."""
    return [{"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}} for name, path in paths.items()]


def container(
    name: str, image: str, resources: Mapping[str, Any], volumes: Sequence[Volume], **content: Any
) -> dict[str, Any]:
    """Return a container that may do nothing but its work."""
    return {
        "name": name,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "resources": dict(resources),
        "volumeMounts": [volume.mount for volume in volumes],
        **content,
    }


@dataclass(frozen=True)
class PodPlan:
    """What makes a component's pod its own.

    `config` is what its files and Secrets hold: when it changes, the pods roll. `spread`: its kind is kept apart, by
    node and, for `zones`, by zone. `extra` are further fields of the pod's spec.
    """

    containers: list[dict[str, Any]]
    volumes: list[Volume]
    overrides: Pod
    grace_seconds: int
    config: Any = None
    user: int = OUR_USER
    spread: bool = False
    zones: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)


def pod_template(component: Component, plan: PodPlan) -> dict[str, Any]:
    """Return the metadata and spec of the component's pods; what the user says of them never wins over ours."""
    overrides = plan.overrides
    annotations = dict(overrides.annotations)
    if plan.config is not None:
        annotations[f"{GROUP}/config-hash"] = digest(plan.config)
    metadata: dict[str, Any] = {"labels": {**overrides.labels, **component.labels, **plan.labels}}
    if annotations:
        metadata["annotations"] = annotations
    spec: dict[str, Any] = {
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": plan.user,
            "runAsGroup": plan.user,
            "fsGroup": plan.user,
            # Without it every start walks through all files of the volume.
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": plan.grace_seconds,
        "containers": plan.containers,
        "volumes": [{"name": volume.name, **volume.source} for volume in plan.volumes if volume.source is not None],
        **_placement(overrides),
    }
    if plan.spread and overrides.affinity is None:
        keys = (_HOST, _ZONE) if plan.zones else (_HOST,)
        spec["topologySpreadConstraints"] = [_apart(key, component.family) for key in keys]
    return {"metadata": metadata, "spec": {**spec, **plan.extra}}


def stateful_set(component: Component, plan: PodPlan) -> dict[str, Any]:
    """Return a StatefulSet of one pod."""
    spec = {
        "replicas": 1,
        "serviceName": component.name,
        # In order, a pod that does not come up would stand in the way of the change that mends it.
        "podManagementPolicy": "Parallel",
        "updateStrategy": {"type": "RollingUpdate"},
        "revisionHistoryLimit": 2,
        "selector": {"matchLabels": component.selector | dict(plan.labels)},
        "template": pod_template(component, plan),
    }
    return component.object("apps/v1", "StatefulSet", spec=spec)


def beside(template: dict[str, Any], labels: Mapping[str, str]) -> None:
    """Let the pods of `template` run on the node of the pod with these labels, whose volume they mount, too."""
    term = {"labelSelector": {"matchLabels": dict(labels)}, "topologyKey": _HOST}
    affinity = template["spec"].setdefault("affinity", {})
    affinity["podAffinity"] = {"requiredDuringSchedulingIgnoredDuringExecution": [term]}


def _apart(key: str, labels: dict[str, str]) -> dict[str, Any]:
    # A cluster of one node must run it all the same.
    return {
        "maxSkew": 1,
        "topologyKey": key,
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": labels},
    }


def _placement(overrides: Pod) -> dict[str, Any]:
    tolerations = [
        {key: value for key, value in each.model_dump(by_alias=True, exclude_none=True).items() if value != ""}
        for each in overrides.tolerations
    ]
    fields = {
        "nodeSelector": overrides.node_selector,
        "tolerations": tolerations,
        "affinity": _stored(overrides.affinity),
        "priorityClassName": overrides.priority_class_name,
        "imagePullSecrets": [{"name": name} for name in overrides.image_pull_secrets],
    }
    return {name: value for name, value in fields.items() if value}


def _stored(given: Any) -> Any:
    """Return what the API server keeps of `given`: no nulls and no empty lists."""
    if isinstance(given, dict):
        return {key: _stored(value) for key, value in given.items() if value is not None and value != []}
    return [_stored(value) for value in given] if isinstance(given, list) else given


def digest(config: Any) -> str:
    """Return a short hash of JSON-like `config` that does not depend on the order of its keys."""
    text = json.dumps(config, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def http(path: str, port: int) -> dict[str, Any]:
    """Return the question of a probe over HTTP."""
    return {"httpGet": {"path": path, "port": port}}


def connects(port: int) -> dict[str, Any]:
    """Return the question of a probe that is content with a connection."""
    return {"tcpSocket": {"port": port}}


def runs(*command: str) -> dict[str, Any]:
    """Return the question of a probe that is a command in the container."""
    return {"exec": {"command": list(command)}}


def probes(
    *, startup: dict[str, Any], readiness: dict[str, Any], liveness: dict[str, Any], start_seconds: int
) -> dict[str, Any]:
    """Return a container's three probes; it may take `start_seconds` to answer for the first time."""
    return {
        "startupProbe": {**startup, "periodSeconds": 2, "timeoutSeconds": 5, "failureThreshold": start_seconds // 2},
        "readinessProbe": {**readiness, "periodSeconds": 5, "timeoutSeconds": 5, "failureThreshold": 2},
        # A minute without an answer: a long collection or a busy node is no reason to begin anew.
        "livenessProbe": {**liveness, "periodSeconds": 15, "timeoutSeconds": 6, "failureThreshold": 4},
    }
