"""Since when a workload has fewer pods than it wants, and why.

The controller of StatefulSets writes only into Events that a pod was refused (by a quota, a LimitRange, Pod Security,
an SCC); that of Deployments also into a condition.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from logpipeline_operator.cluster.client import ApiError, Client
from logpipeline_operator.cluster.kinds import DEPLOYMENT, STATEFUL_SET, Document, ObjectKey, PipelineKey
from logpipeline_operator.logs import fields
from logpipeline_operator.observe.workloads import MissingPods

# At most one request in this time for each StatefulSet that lacks pods.
_ASKED_EVERY = timedelta(seconds=10)
_CREATED, _DELETED, _REFUSED = "SuccessfulCreate", "SuccessfulDelete", "FailedCreate"
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Known:
    uid: str
    missing: MissingPods
    asked_at: datetime | None = None


class Creations:
    """Remembers which workloads lack pods; safe to use from several threads, a pipeline in one at a time."""

    def __init__(self, client: Client, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._client = client
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[PipelineKey, dict[str, _Known]] = {}

    def missing(self, key: PipelineKey, children: Mapping[ObjectKey, Document]) -> dict[str, MissingPods]:
        """Return what is known of the missing pods of a pipeline, by the uid of their workload."""
        with self._lock:
            before = self._known.get(key, {})
        now = self._clock()
        known = {}
        for workload in children.values():
            if not lacks_pods(workload):
                continue
            uid = workload["metadata"]["uid"]
            entry = before.get(uid) or _Known(uid, MissingPods(since=now))
            due = entry.asked_at is None or now - entry.asked_at >= _ASKED_EVERY
            if workload["kind"] == STATEFUL_SET.name and due:
                entry = self._asked(key, entry, now)
            known[uid] = entry
        with self._lock:
            if known:
                self._known[key] = known
            else:
                self._known.pop(key, None)
        return {uid: entry.missing for uid, entry in known.items()}

    def forget(self, key: PipelineKey) -> None:
        """Drop what is remembered of a pipeline that is gone."""
        with self._lock:
            self._known.pop(key, None)

    def _asked(self, key: PipelineKey, entry: _Known, now: datetime) -> _Known:
        try:
            refusal = refused(self._client.events(key.namespace, entry.uid))
        except ApiError as error:
            _LOG.warning("the Events about missing pods cannot be read: %s", error, extra=fields(key))
            return replace(entry, asked_at=now)
        return replace(entry, asked_at=now, missing=replace(entry.missing, refusal=refusal))


def lacks_pods(document: Document) -> bool:
    """Whether `document` is a workload with fewer pods than it wants, as far as its controller knows."""
    if document["kind"] not in (STATEFUL_SET.name, DEPLOYMENT.name):
        return False
    wanted: int = document["spec"].get("replicas", 1)
    created: int = (document.get("status") or {}).get("replicas", 0)
    return created < wanted


def refused(events: Iterable[Mapping[str, Any]]) -> str | None:
    """Return the message of the newest of a StatefulSet's `events` about its pods (of the API group "") if that says
    that one was refused, else None.
    """
    told = [event for event in events if event.get("reason") in (_CREATED, _DELETED, _REFUSED)]
    # In the second in which the claim of a pod is created, the pod may be refused.
    newest = max(told, key=lambda event: (_time(event), event["reason"] == _REFUSED), default=None)
    if newest is None or newest["reason"] != _REFUSED:
        return None
    return str(newest.get("message") or "pods are refused")


def _time(event: Mapping[str, Any]) -> datetime:
    series = event.get("series") or {}
    text = event.get("lastTimestamp") or series.get("lastObservedTime") or event.get("eventTime")
    return datetime.fromisoformat(text or event["metadata"]["creationTimestamp"])
