"""Which broker may restart next: pure.

The StatefulSet of the brokers is `OnDelete`, for a StatefulSet's own rolling update goes on when a broker is ready, and
readiness knows nothing of in-sync replicas: the next broker could take the last one of a partition with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

Document = Mapping[str, Any]

_REVISION_LABEL = "controller-revision-hash"


@dataclass(frozen=True)
class Step:
    """The pod to delete now, if any, and what the rollout waits for, if anything; neither when it is complete."""

    delete: Document | None = None
    waits_for: str | None = None


def next_step(
    stateful_set: Document, pods: Iterable[Document], *, in_sync: bool | None, observed_at: datetime | None
) -> Step:
    """Return the next step of a rolling restart.

    `in_sync` says whether every replica of every partition was in sync at `observed_at`; None is unknown. A lone broker
    has nobody to be in sync with.
    """
    spec, status = stateful_set["spec"], stateful_set.get("status", {})
    if status.get("observedGeneration", 0) < stateful_set["metadata"]["generation"]:
        return Step(waits_for="the StatefulSet controller has not seen the change yet")
    revision = status.get("updateRevision")
    brokers = sorted(pods, key=_ordinal)
    outdated = [pod for pod in brokers if pod["metadata"]["labels"].get(_REVISION_LABEL) != revision]
    if not outdated:
        return Step()
    if len(brokers) < spec["replicas"] or any(pod["metadata"].get("deletionTimestamp") for pod in brokers):
        return Step(waits_for="a broker is being replaced")
    ready_since = {pod["metadata"]["name"]: _ready_since(pod) for pod in brokers}
    for pod in outdated:
        # It serves nobody, and the new revision may be what mends it.
        if ready_since[pod["metadata"]["name"]] is None:
            return Step(delete=pod)
    unready = [name for name, since in ready_since.items() if since is None]
    if unready:
        return Step(waits_for=f"{', '.join(unready)} is not ready")
    if spec["replicas"] > 1:
        newest = max(since for since in ready_since.values() if since is not None)
        if in_sync is None or observed_at is None or observed_at <= newest:
            return Step(waits_for="it is not known yet whether all replicas are in sync")
        if not in_sync:
            return Step(waits_for="replicas are not in sync")
    return Step(delete=outdated[0])


def _ordinal(pod: Document) -> int:
    return int(pod["metadata"]["name"].rpartition("-")[2])


def _ready_since(pod: Document) -> datetime | None:
    for condition in pod.get("status", {}).get("conditions") or []:
        if condition["type"] == "Ready" and condition["status"] == "True":
            return datetime.fromisoformat(condition["lastTransitionTime"])
    return None
