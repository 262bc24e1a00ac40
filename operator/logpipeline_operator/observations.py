"""Looks at the data path of each pipeline beside the passes, and remembers what was seen last."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

from logpipeline_operator.cluster.kinds import PipelineKey
from logpipeline_operator.logs import fields
from logpipeline_operator.metrics import OBSERVE
from logpipeline_operator.observe.facts import Facts
from logpipeline_operator.threads import start
from logpipeline_operator.work_queue import WorkQueue

_LOG = logging.getLogger(__name__)

# Returns the facts and in how many seconds to look again; None for a pipeline that is gone or invalid.
Look = Callable[[PipelineKey], tuple[Facts, float] | None]
# Its uid and generation.
Version = tuple[str, int]


class Observations:
    """The newest facts of each pipeline; safe to use from several threads."""

    def __init__(self, look: Look, on_news: Callable[[PipelineKey], None], share: int) -> None:
        """`share`: of the pipelines of one namespace so many are looked at at a time, however slow their peers are."""
        self._look = look
        self._on_news = on_news
        self._queue: WorkQueue[PipelineKey] = WorkQueue(group=lambda key: key.namespace, share=share)
        self._lock = threading.Lock()
        self._facts: dict[PipelineKey, Facts] = {}
        self._followed: dict[PipelineKey, Version] = {}

    def follow(self, key: PipelineKey, version: Version) -> None:
        """Look at a pipeline from now on, and at once when it is another version than before."""
        with self._lock:
            if self._followed.get(key) == version:
                return
            self._followed[key] = version
        self._queue.add(key)

    def latest(self, key: PipelineKey) -> Facts:
        """Return what was seen last; everything is unknown before the first look."""
        with self._lock:
            return self._facts.get(key) or Facts(observed_at=datetime.now(UTC))

    def forget(self, key: PipelineKey) -> None:
        """Drop a pipeline that is gone."""
        with self._lock:
            self._followed.pop(key, None)
            self._facts.pop(key, None)
        self._queue.forget(key)

    def start(self, workers: int) -> list[threading.Thread]:
        """Begin to look and return the worker threads."""
        return [start(f"observe-{number}", self._work) for number in range(workers)]

    def close(self) -> None:
        """Look no more."""
        self._queue.close()

    def _work(self) -> None:
        while (key := self._queue.take()) is not None:
            with self._lock:
                version = self._followed.get(key)
            began = time.monotonic()
            seen = None
            failed = True
            try:
                seen = self._look(key)
                failed = False
            except Exception:  # noqa: BLE001 - told with its stack trace, counted and tried again
                # One pipeline's defect must not end a worker, which all share.
                _LOG.exception("the look at the data path failed", extra=fields(key))
            OBSERVE.observe(time.monotonic() - began)
            self._queue.done(key, failed=failed)
            if not failed:
                self._take(key, version, seen)

    def _take(self, key: PipelineKey, version: Version | None, seen: tuple[Facts, float] | None) -> None:
        """Remember what was seen and queue the next look, unless the pipeline was changed or deleted meanwhile."""
        with self._lock:
            if version is None or self._followed.get(key) != version:
                # Whoever follows the newer version has queued its look.
                return
            if seen is None:
                del self._followed[key]
                return
            facts, again = seen
            self._facts[key] = facts
        self._queue.add(key, again)
        self._on_news(key)
