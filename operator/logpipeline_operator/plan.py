"""What a pass has to write: pure.

`plan` compares the desired objects with the live ones. What is as desired is not written, so a second pass writes
nothing. What others changed shows in the live object; what we no longer want (a label, a key of a ConfigMap) does not,
so each object also carries a hash of all that we wanted when it was applied.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from logpipeline_operator.cluster.compare import differences
from logpipeline_operator.cluster.kinds import (
    POD,
    VOLUME_CLAIM,
    Document,
    ObjectKey,
    key_of,
)
from logpipeline_operator.ownership import Ownership, holds_up

HASH_ANNOTATION = "logpipeline.dev/desired-hash"

# Fields that the API server never changes on an object that exists. What was applied first stays; a StatefulSet's
# volumes grow through their claims.
_IMMUTABLE: dict[str, tuple[tuple[str, ...], ...]] = {
    "StatefulSet": (
        ("spec", "volumeClaimTemplates"),
        ("spec", "serviceName"),
        ("spec", "podManagementPolicy"),
        ("spec", "selector"),
    ),
    "Deployment": (("spec", "selector"),),
    "PersistentVolumeClaim": (("spec", "storageClassName"), ("spec", "accessModes")),
    "RoleBinding": (("roleRef",),),
}


@dataclass(frozen=True)
class Plan:
    """Objects to apply, in order, with the fields that differ, and objects to delete; `taken` are live objects of
    others, by the desired ones that cannot have their names.

    What to apply has the uid of the live object, or none when there is no live object that is known of.
    """

    apply: list[tuple[Document, list[str]]] = field(default_factory=list)
    delete: list[Document] = field(default_factory=list)
    taken: list[tuple[Document, Document]] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.apply or self.delete)


def plan(
    desired: Sequence[Document],
    live: Mapping[ObjectKey, Document],
    ownership: Ownership,
    *,
    keep_volumes: bool,
) -> Plan:
    """Return what makes the live children the desired ones.

    Only what is the pipeline's own is written or deleted, and claims of volumes are deleted only when they are not to
    be kept. A workload waits while another has the name of what its pods use.
    """
    result = Plan()
    wanted = {key_of(document) for document in desired}
    for document in desired:
        current = live.get(key_of(document))
        if current is not None and not ownership.has(current):
            result.taken.append((document, current))
            continue
        if any(holds_up(taken, document) for taken, _ in result.taken):
            continue
        target = _stamped(document)
        if current is not None:
            target = onto(target, current)
        found = ["(absent)"] if current is None else differences(target, current)
        if found:
            result.apply.append((target, found))
    for key, document in live.items():
        if key in wanted or key.kind == POD.name or document["metadata"].get("deletionTimestamp"):
            continue
        if key.kind == VOLUME_CLAIM.name and keep_volumes:
            continue
        # A claim that was to be kept has no controller, and stays.
        if ownership.controls(document):
            result.delete.append(document)
    return result


def onto(document: Document, live: Document) -> Document:
    """Return `document` as it is applied to the object `live` and to no other that has taken its name."""
    metadata = {**document["metadata"], "uid": live["metadata"]["uid"]}
    return _keep_immutable({**document, "metadata": metadata}, live)


def _stamped(document: Document) -> Document:
    text = orjson.dumps(document, option=orjson.OPT_SORT_KEYS)
    metadata = document["metadata"]
    annotations = {**metadata.get("annotations", {}), HASH_ANNOTATION: hashlib.sha256(text).hexdigest()[:16]}
    return {**document, "metadata": {**metadata, "annotations": annotations}}


def _keep_immutable(document: Document, live: Document) -> Document:
    paths = _IMMUTABLE.get(document["kind"], ())
    result = document
    for path in paths:
        current = _get(live, path)
        if current is not None and _get(document, path) is not None:
            result = _set(result, path, current)
    return result


def _get(document: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        document = document.get(name) if isinstance(document, Mapping) else None
    return document


def _set(document: Document, path: tuple[str, ...], value: Any) -> Document:
    head, *rest = path
    return {**document, head: _set(document[head], tuple(rest), value) if rest else value}
