"""Writes what a pass found out: the status, and Events about what has changed in it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime

from logpipeline_operator.cluster.client import ApiError, Client
from logpipeline_operator.cluster.kinds import PIPELINE, Document, PipelineKey
from logpipeline_operator.logs import fields
from logpipeline_operator.metrics import tell_status
from logpipeline_operator.pipelines import Pipelines
from logpipeline_operator.status.events import StatusEvent, events_of
from logpipeline_operator.status.numbers import numbers_only

# Live numbers change with every batch; nobody reads a status more often than this.
NUMBERS_SECONDS = 10.0
_NAME = "logpipeline-operator"
_LONGEST_NOTE = 1024
_LOG = logging.getLogger(__name__)


class Reporter:
    """Writes statuses no more often than needed; safe to use from several threads."""

    def __init__(
        self,
        client: Client,
        pipelines: Pipelines,
        on_change: Callable[[PipelineKey], None],
        pod_name: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._pipelines = pipelines
        self._on_change = on_change
        self._pod_name = pod_name
        self._clock = clock
        self._written: dict[PipelineKey, float] = {}

    def report(self, key: PipelineKey, document: Document, status: Document) -> float | None:
        """Make `status` the one of the pipeline `document`; returns in how many seconds to come again when only numbers
        have changed and it is too early for them.
        """
        tell_status(key, status)
        old = document.get("status")
        if old == status:
            return None
        if numbers_only(old, status):
            wait = self._written.get(key, -NUMBERS_SECONDS) + NUMBERS_SECONDS - self._clock()
            if wait > 0:
                return wait
        self._written[key] = self._clock()
        written = self._client.apply_status(key.namespace, key.name, document["metadata"]["uid"], status)
        if written is None:
            return None
        if self._pipelines.put(written):
            # The user has changed the resource since the pass read it. Its watch event is older than this answer, and
            # will be taken for old news.
            self._on_change(key)
        for event in events_of(old, status):
            self.record(key, document, event)
        return None

    def forget(self, key: PipelineKey) -> None:
        """Drop what is remembered of a pipeline that is gone."""
        self._written.pop(key, None)
        tell_status(key, {})

    def record(self, key: PipelineKey, document: Document, event: StatusEvent) -> None:
        """Record an Event about the pipeline `document`."""
        moment = datetime.now(UTC)
        try:
            self._client.create_event(
                key.namespace,
                {
                    "apiVersion": "events.k8s.io/v1",
                    "kind": "Event",
                    "metadata": {"generateName": f"{key.name}-", "namespace": key.namespace},
                    "eventTime": moment.isoformat(timespec="microseconds").replace("+00:00", "Z"),
                    "reportingController": f"logpipeline.dev/{_NAME}",
                    "reportingInstance": self._pod_name,
                    "action": event.action,
                    "reason": event.reason,
                    "type": event.type,
                    "note": event.message[:_LONGEST_NOTE],
                    "regarding": {
                        "apiVersion": PIPELINE.api_version,
                        "kind": PIPELINE.name,
                        "name": key.name,
                        "namespace": key.namespace,
                        "uid": document["metadata"]["uid"],
                    },
                },
            )
        except ApiError as error:
            # The log and the status say the same.
            _LOG.warning("an Event could not be recorded: %s", error, extra=fields(key))
