"""The control loop: what the watches tell becomes passes, a pass at a time for each pipeline.

Level-triggered: a pass looks at what is, never at what has happened, so an event that is lost or told twice does no
harm. A full list every few minutes finds what no watch has told of.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from logpipeline.errors import LogPipelineError
from logpipeline_operator.canary import Canary, is_canary
from logpipeline_operator.cluster.cache import Cache
from logpipeline_operator.cluster.client import ApiError, Client
from logpipeline_operator.cluster.kinds import CHILDREN, PIPELINE, Document, PipelineKey, pipeline_key
from logpipeline_operator.logs import fields
from logpipeline_operator.metrics import QUEUE_DEPTH, RECONCILE
from logpipeline_operator.pipelines import Pipelines
from logpipeline_operator.watches import SELECTOR
from logpipeline_operator.work_queue import WorkQueue

_LOG = logging.getLogger(__name__)

# Whether a pass may be tried again soon; anything else is a defect of ours and is told with its stack trace.
EXPECTED = (ApiError, LogPipelineError)


class Controller:
    """Keeps the pipelines of its namespaces as their resources say."""

    def __init__(
        self, client: Client, namespaces: tuple[str, ...], pipelines: Pipelines, cache: Cache, canary: Canary | None
    ) -> None:
        self._client = client
        self._namespaces: tuple[str | None, ...] = namespaces or (None,)
        self._pipelines = pipelines
        self._cache = cache
        self._canary = canary
        self.queue: WorkQueue[PipelineKey] = WorkQueue()
        self.resync_due = threading.Event()
        self._on_gone: list[Callable[[PipelineKey], None]] = []
        self._workers: list[threading.Thread] = []
        QUEUE_DEPTH.set_function(self.queue.depth)

    def on_gone(self, callback: Callable[[PipelineKey], None]) -> None:
        """Have `callback` called for each pipeline that is deleted."""
        self._on_gone.append(callback)

    def pipeline_seen(self, document: Document) -> None:
        """Take note of a pipeline; a status that was written is no reason for a pass."""
        key = pipeline_key(document)
        if is_canary(document):
            if self._canary is not None and key == self._canary.key:
                self._canary.seen()
            return
        if self._pipelines.put(document):
            self.queue.add(key)

    def pipeline_gone(self, document: Document) -> None:
        """Forget a pipeline; its children go with their owner."""
        self._forget(pipeline_key(document), int(document["metadata"]["resourceVersion"]))

    def _forget(self, key: PipelineKey, version: int) -> None:
        self._pipelines.drop(key, version)
        self.queue.forget(key)
        for callback in self._on_gone:
            callback(key)

    def watch_began(self) -> None:
        """Have all compared with full lists soon: what was deleted just before a watch began, no event tells."""
        self.resync_due.set()

    def child_seen(self, document: Document) -> None:
        """Take note of a child, and look at its pipeline."""
        if (key := self._cache.put(document)) is not None:
            self.queue.add(key)

    def child_gone(self, document: Document) -> None:
        """Forget a child, and look at its pipeline."""
        if (key := self._cache.drop(document)) is not None:
            self.queue.add(key)

    def resync(self) -> None:
        """Compare what is known with full lists; raises ApiError."""
        for namespace in self._namespaces:
            documents, version = self._client.list(PIPELINE, namespace, "")
            for document in documents:
                self.pipeline_seen(document)
            for key in self._pipelines.missing(documents, int(version), namespace):
                self._forget(key, int(version))
            for kind in CHILDREN:
                children, version = self._client.list(kind, namespace, SELECTOR)
                for key in self._cache.replace(kind, children, version, namespace):
                    self.queue.add(key)
        for key in self._pipelines.all():
            self.queue.add(key)

    def start(self, workers: int, reconcile: Callable[[PipelineKey], float | None]) -> None:
        """Begin to work: `reconcile` does a pass and returns in how many seconds the next is due, None for none."""
        for number in range(workers):
            thread = threading.Thread(target=self._work, args=(reconcile,), name=f"reconcile-{number}", daemon=True)
            thread.start()
            self._workers.append(thread)

    def fault(self) -> str | None:
        """Return what keeps the loop from doing its work, None when nothing does."""
        dead = [thread.name for thread in self._workers if not thread.is_alive()]
        return f"the workers {', '.join(dead)} have ended" if dead else None

    def _work(self, reconcile: Callable[[PipelineKey], float | None]) -> None:
        while (key := self.queue.take()) is not None:
            began = time.monotonic()
            next_pass: float | None = None
            failed = True
            try:
                next_pass = reconcile(key)
                failed = False
            except EXPECTED as error:
                _LOG.warning("the pass failed: %s", error, extra=fields(key))
            except Exception:  # noqa: BLE001 - told with its stack trace, counted and tried again
                # One pipeline's defect must not end a worker, which all share.
                _LOG.exception("the pass failed", extra=fields(key))
            RECONCILE.labels("error" if failed else "ok").observe(time.monotonic() - began)
            self.queue.done(key, failed=failed)
            if next_pass is not None:
                self.queue.add(key, next_pass)
