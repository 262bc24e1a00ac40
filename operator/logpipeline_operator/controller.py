"""The control loop: what the watches tell becomes passes, a pass at a time for each pipeline.

Level-triggered: a pass looks at what is, never at what has happened, so an event that is lost or told twice does no
harm. Full lists (`resync`) find what no watch has told of.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from functools import partial

from logpipeline.errors import LogPipelineError
from logpipeline_operator.canary import Canary, is_canary
from logpipeline_operator.cluster.cache import Cache
from logpipeline_operator.cluster.client import ApiError
from logpipeline_operator.cluster.kinds import Document, PipelineKey, pipeline_key
from logpipeline_operator.logs import fields
from logpipeline_operator.metrics import QUEUE_DEPTH, RECONCILE
from logpipeline_operator.pipelines import Pipelines
from logpipeline_operator.threads import start
from logpipeline_operator.work_queue import WorkQueue

_LOG = logging.getLogger(__name__)

ALL_NAMESPACES = ""
# The watches of all kinds list at about the same time, at the start and after the API server was away.
_LISTS_SECONDS = 5.0
# Whether a pass may be tried again soon; anything else is a defect of ours and is told with its stack trace.
EXPECTED = (ApiError, LogPipelineError)


class Controller:
    """Keeps the pipelines of its `namespaces`, all when there are none, as their resources say."""

    def __init__(self, namespaces: tuple[str, ...], pipelines: Pipelines, cache: Cache, canary: Canary | None) -> None:
        # What is listed and watched as one: a namespace, or all of them under the empty name.
        self.scopes = namespaces or (ALL_NAMESPACES,)
        self._pipelines = pipelines
        self._cache = cache
        self._canary = canary
        self.queue: WorkQueue[PipelineKey] = WorkQueue()
        self.lists: WorkQueue[str] = WorkQueue()
        self._listed: set[str] = set()
        self._on_gone: list[Callable[[PipelineKey], None]] = []
        QUEUE_DEPTH.set_function(self.queue.depth)

    def on_gone(self, callback: Callable[[PipelineKey], None]) -> None:
        """Have `callback` called for each pipeline that is deleted."""
        self._on_gone.append(callback)

    def scope_of(self, namespace: str) -> str:
        """Return what a namespace is listed and watched as."""
        return ALL_NAMESPACES if self.scopes == (ALL_NAMESPACES,) else namespace

    def scope_listed(self, scope: str) -> None:
        """Take note that all of a scope is in the cache, and look at each of its pipelines."""
        self._listed.add(scope)
        for key in self._pipelines.all():
            if self.scope_of(key.namespace) == scope:
                self.queue.add(key)

    def is_ready(self) -> bool:
        """Return whether any namespace was listed completely yet."""
        return bool(self._listed)

    def ask(self, key: PipelineKey) -> None:
        """Ask for a pass, unless not all children are known yet: all would be applied again, with what is immutable."""
        if self.scope_of(key.namespace) in self._listed:
            self.queue.add(key)

    def pipeline_seen(self, document: Document) -> None:
        """Take note of a pipeline that the watch delivers."""
        if self._canary is not None and is_canary(document) and pipeline_key(document) == self._canary.key:
            self._canary.seen()
        self.pipeline_listed(document)

    def pipeline_listed(self, document: Document) -> None:
        """Take note of a pipeline; a status that was written is no reason for a pass, and a list proves no watch."""
        if not is_canary(document) and self._pipelines.put(document):
            self.ask(pipeline_key(document))

    def pipeline_gone(self, document: Document) -> None:
        """Forget a pipeline; its children go with their owner."""
        self.forget(pipeline_key(document), int(document["metadata"]["resourceVersion"]))

    def forget(self, key: PipelineKey, version: int) -> None:
        """Forget a pipeline that was deleted at the resource version `version`."""
        self._pipelines.drop(key, version)
        self.queue.forget(key)
        for callback in self._on_gone:
            callback(key)

    def watch_began(self, namespace: str) -> None:
        """Have a namespace listed soon: no event tells what was deleted just before a watch began."""
        self.lists.add(self.scope_of(namespace), _LISTS_SECONDS)

    def child_seen(self, document: Document) -> None:
        """Take note of a child, and look at its pipeline."""
        if (key := self._cache.put(document)) is not None:
            self.ask(key)

    def child_gone(self, document: Document) -> None:
        """Forget a child, and look at its pipeline."""
        if (key := self._cache.drop(document)) is not None:
            self.ask(key)

    def start(self, workers: int, reconcile: Callable[[PipelineKey], float | None]) -> list[threading.Thread]:
        """Begin to work and return the worker threads: `reconcile` does a pass and returns in how many seconds the next
        is due, None for none.
        """
        work = partial(self._work, reconcile)
        return [start(f"reconcile-{number}", work) for number in range(workers)]

    def close(self) -> None:
        """Begin no more passes and lists."""
        self.queue.close()
        self.lists.close()

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
