"""What the objects of one component have in common: names, labels, owner."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from logpipeline.api import API_VERSION, KIND, LogPipeline
from logpipeline.api.kafka import Storage
from logpipeline.api.resource import GROUP
from logpipeline_operator.cluster.kinds import (
    COMPONENT_LABEL,
    GOAL_LABEL,
    INSTANCE_LABEL,
    MANAGED_BY,
    MANAGED_BY_LABEL,
    PIPELINE_LABEL,
    REPORT_LABEL,
)
from logpipeline_operator.desired.quantities import canonical

# A pod of a StatefulSet carries its name and a revision of eleven characters in one label of at most 63.
_LONGEST_NAME = 52
_LABEL = "app.kubernetes.io"
# What a pod of a goal is: driver or executor.
ROLE_LABEL = f"{GROUP}/role"
_ITEM_LABELS = {"goal": GOAL_LABEL, "report": REPORT_LABEL}


def child_name(*parts: str) -> str:
    """Return `parts` joined by `-`; where that is longer than 52 characters its end gives way to a hash of it all.

    Two pipelines of a namespace never have a name in common, but for equal hashes, as long as neither
    `reads_as_a_goal`: in `<pipeline>-goal-<goal>` the first `-goal-` is then the one after the pipeline, in
    `<pipeline>-<component>` there is none, and no component's name ends in that of another.
    """
    name = "-".join(parts)
    if len(name) <= _LONGEST_NAME:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{name[: _LONGEST_NAME - 9].rstrip('-')}-{digest}"


def reads_as_a_goal(pipeline: str) -> bool:
    """Return whether names of the children of `pipeline` could be those of a goal of a pipeline with a shorter name, as
    `web-goal-kafka` is of the goal `kafka` of `web` and of the Kafka of `web-goal`.
    """
    return "-goal-" in f"{pipeline}-"


@dataclass(frozen=True)
class Component:
    """A part of a pipeline that is run for itself: `kafka`, `connect`, …, and `goal` and `report`, of which there is
    one for each item of the resource's list.
    """

    pipeline: LogPipeline
    kind: str
    item: str | None = None

    @property
    def name(self) -> str:
        """The name of its objects."""
        return child_name(self.pipeline.name, self.kind, *([self.item] if self.item else []))

    @property
    def family(self) -> dict[str, str]:
        """The labels that choose the pods of its kind, of whatever item."""
        return {INSTANCE_LABEL: self.pipeline.name, COMPONENT_LABEL: self.kind}

    @property
    def selector(self) -> dict[str, str]:
        """The labels that choose its pods."""
        return self.family | ({_ITEM_LABELS[self.kind]: self.item} if self.item else {})

    @property
    def labels(self) -> dict[str, str]:
        """The labels of its objects and pods."""
        return {
            f"{_LABEL}/name": "logpipeline",
            MANAGED_BY_LABEL: MANAGED_BY,
            **self.selector,
        }

    def object(
        self, api_version: str, kind: str, name: str | None = None, *, owned: bool = True, **content: Any
    ) -> dict[str, Any]:
        """Return an object of this component, named like it unless `name` is given.

        What is not `owned` outlives the pipeline.
        """
        metadata: dict[str, Any] = {
            "name": name or self.name,
            "namespace": self.pipeline.metadata.namespace,
            "labels": self.labels,
        }
        # A resource that is not in a cluster owns nothing there.
        if owned and self.pipeline.metadata.uid:
            metadata["ownerReferences"] = [
                {
                    "apiVersion": API_VERSION,
                    "kind": KIND,
                    "name": self.pipeline.name,
                    "uid": self.pipeline.metadata.uid,
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ]
        return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **content}

    def config_map(self, data: dict[str, str]) -> dict[str, Any]:
        """Return the ConfigMap with the component's files."""
        return self.object("v1", "ConfigMap", data=data)

    def service(
        self, ports: dict[str, int], name: str | None = None, *, role: str | None = None, **spec: Any
    ) -> dict[str, Any]:
        """Return a Service in front of the component's pods, of those with this `role` where there are several; `ports`
        by name.
        """
        listed = [{"name": port, "port": number, "targetPort": number} for port, number in ports.items()]
        selector = self.selector | ({ROLE_LABEL: role} if role else {})
        return self.object("v1", "Service", name, spec={"selector": selector, "ports": listed, **spec})

    def claim(self, name: str, storage: Storage) -> dict[str, Any]:
        """Return the claim of a volume, which outlives the pipeline unless the resource says otherwise."""
        owned = self.pipeline.spec.delete_policy == "Delete"
        claim = self.object("v1", "PersistentVolumeClaim", name, owned=owned, spec=claim_spec(storage))
        labels = {**self.labels, PIPELINE_LABEL: self.pipeline.name}
        del labels[INSTANCE_LABEL]
        claim["metadata"]["labels"] = labels
        return claim


def claim_spec(storage: Storage) -> dict[str, Any]:
    """Return the spec of the claim of a volume that one node mounts at a time."""
    spec: dict[str, Any] = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": canonical(storage.size)}},
    }
    return spec | ({"storageClassName": storage.storage_class} if storage.storage_class else {})
