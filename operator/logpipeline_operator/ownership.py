"""Whose an object is: pure.

What is not the pipeline's own is never written and never deleted. A child is the pipeline's own when the pipeline, by
its uid, is its controller. The claims of retained volumes have no owner, for they outlive their pipeline; they are
known by their labels.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from logpipeline.api.resource import KIND
from logpipeline_operator.cluster.kinds import (
    COMPONENT_LABEL,
    CRON_JOB,
    DEPLOYMENT,
    GOAL_LABEL,
    INSTANCE_LABEL,
    MANAGED_BY,
    MANAGED_BY_LABEL,
    REPORT_LABEL,
    STATEFUL_SET,
    VOLUME_CLAIM,
    Document,
    PipelineKey,
    pipeline_of,
)
from logpipeline_operator.status.reasons import Finding


def controller_of(document: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the ownerReference of an object's controller, None for an object without one."""
    owners = document["metadata"].get("ownerReferences") or []
    return next((owner for owner in owners if owner.get("controller")), None)


@dataclass(frozen=True)
class Ownership:
    """What belongs to the pipeline with this key and uid.

    `stateful_sets` are its live ones: their controller makes claims from templates, without our labels.
    """

    pipeline: PipelineKey
    uid: str
    stateful_sets: tuple[Document, ...] = ()

    @classmethod
    def among(cls, live: Iterable[Document], pipeline: PipelineKey, uid: str) -> Ownership:
        """Return the ownership of the pipeline whose children are among `live` objects."""
        ours = cls(pipeline, uid)
        sets = (document for document in live if document["kind"] == STATEFUL_SET.name)
        return cls(pipeline, uid, tuple(document for document in sets if ours.controls(document)))

    def controls(self, document: Document) -> bool:
        """Return whether the pipeline is the controller of a live object."""
        owner = controller_of(document)
        return owner is not None and owner["uid"] == self.uid

    def has(self, document: Document) -> bool:
        """Return whether a live object is the pipeline's own, a retained claim included."""
        if controller_of(document) is not None or document["kind"] != VOLUME_CLAIM.name:
            return self.controls(document)
        return pipeline_of(document) == self.pipeline or any(_made_by(document, each) for each in self.stateful_sets)


def _made_by(claim: Document, stateful_set: Document) -> bool:
    prefixes = [
        f"{template['metadata']['name']}-{stateful_set['metadata']['name']}-"
        for template in stateful_set["spec"].get("volumeClaimTemplates") or []
    ]
    name, labels = claim["metadata"]["name"], claim["metadata"].get("labels") or {}
    ordinal = next((name.removeprefix(prefix) for prefix in prefixes if name.startswith(prefix)), "")
    return ordinal.isdecimal() and stateful_set["spec"]["selector"]["matchLabels"].items() <= labels.items()


def holds_up(taken: Document, document: Document) -> bool:
    """Return whether `document` must not be applied because the name of `taken`, another desired object of the
    pipeline, belongs to somebody else: pods would mount the other's ConfigMap or volume, or run as its account.
    """
    if document["kind"] not in (STATEFUL_SET.name, DEPLOYMENT.name, CRON_JOB.name):
        return False
    of, ours = taken["metadata"]["labels"], document["metadata"]["labels"]
    # What all goals share names no goal.
    same_item = all(of.get(label) in (None, ours.get(label)) for label in (GOAL_LABEL, REPORT_LABEL))
    return same_item and of[COMPONENT_LABEL] == ours[COMPONENT_LABEL]


def taken_findings(live: Iterable[Document], key: PipelineKey) -> list[Finding]:
    """Return what the conditions say of `live` objects that have the names of children and belong to others."""
    taken, going = [], []
    for document in sorted(live, key=lambda each: (each["kind"], each["metadata"]["name"])):
        what = f"{document['kind']} {document['metadata']['name']}"
        owner = controller_of(document)
        if owner is not None and (owner["kind"], owner["name"]) == (KIND, key.name):
            going.append(what)
        else:
            taken.append(f"{what} {_whose(document)}")
    findings = []
    if taken:
        message = "; ".join([*taken, "what is not the pipeline's own is not written"])
        findings.append(Finding("False", "NameTaken", message))
    if going:
        message = f"the garbage collector still has to delete what an earlier pipeline of this name owned: {going[0]}"
        findings.append(Finding("False", "Creating", message + (f" and {len(going) - 1} more" if going[1:] else "")))
    return findings


def _whose(document: Document) -> str:
    owner = controller_of(document)
    if owner is not None:
        return f"belongs to {owner['kind']} {owner['name']}"
    if (pipeline := pipeline_of(document)) is not None and document["kind"] == VOLUME_CLAIM.name:
        return f"was kept for {KIND} {pipeline.name}"
    labels = document["metadata"].get("labels") or {}
    if (manager := labels.get(MANAGED_BY_LABEL)) not in (None, MANAGED_BY):
        instance = labels.get(INSTANCE_LABEL)
        return f"is managed by {manager}" + (f" ({instance})" if instance else "")
    writers = sorted(
        {entry["manager"] for entry in document["metadata"].get("managedFields") or [] if "manager" in entry}
    )
    return "has no owner" + (f" and was written by {', '.join(writers)}" if writers else "")
