"""Runs goals side by side: one that fails is started again with backoff and does not touch the others."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from py4j.protocol import Py4JError, Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql.streaming.query import StreamingQuery

from logpipeline.errors import LogPipelineError, first_line
from logpipeline_spark.batches import Work
from logpipeline_spark.failures import CheckpointError, java_text
from logpipeline_spark.progress import Board

_LOG = logging.getLogger(__name__)
# What a call into the JVM raises when there is none any more. An exception of Java's own, Py4JJavaError, is a Py4JError
# too, and says that the JVM is there.
JVM_GONE = (Py4JError, ConnectionError)
_LOOK_EVERY = 0.5
# A goal that has said nothing for so long may be in the middle of a long batch; executors report every ten seconds.
_LONG_SECONDS = 20.0
# Kubernetes kills after 30 s; the session takes a few of them to end.
_DRAIN_SECONDS, _DRAIN_LOOK_EVERY = 20.0, 0.02


def backoff(failures: int) -> float:
    """Return the seconds to wait before the next start after so many failures without a batch between them: 1, 2, 4 …
    60.
    """
    return float(min(60, 2 ** (failures - 1)))


@dataclass
class _Goal:
    start: Callable[[], StreamingQuery]
    query: StreamingQuery | None = None
    failures: int = 0
    batch_at_start: int | None = None
    start_at: float = 0.0
    refused: bool = False
    work: Work = ()


class Host:
    """Keeps goals running. `starts` maps a goal's name to what starts its query; `work` returns how far the batch of a
    query is.
    """

    def __init__(
        self, starts: Mapping[str, Callable[[], StreamingQuery]], board: Board, work: Callable[[StreamingQuery], Work]
    ) -> None:
        self._goals = {name: _Goal(start) for name, start in starts.items()}
        self._board = board
        self._work = work

    def run(self, stop: threading.Event) -> None:
        """Run until `stop` is set; raises LogPipelineError when every goal is refused for a reason that no restart
        mends, and when the JVM has ended.
        """
        try:
            while not stop.is_set():
                self._board.host_lives()
                for name, goal in self._goals.items():
                    self._look_after(name, goal)
                    self._look_into(name, goal)
                if all(goal.refused for goal in self._goals.values()):
                    raise LogPipelineError("no goal can run, see the lines above")
                stop.wait(_LOOK_EVERY)
        except JVM_GONE as error:
            # A signal to the whole process group ends the JVM as well; the checkpoint stands for whatever it was doing.
            if stop.wait(_LOOK_EVERY):
                return
            raise LogPipelineError(
                "the JVM has ended, see the lines above; a new start goes on where it was"
            ) from error
        finally:
            self._board.host_ended()
        self._stop()

    def _stop(self) -> None:
        """Stop every query between two batches if that comes in time: a batch that is cut off is done again later."""
        queries = [goal.query for goal in self._goals.values() if goal.query is not None]
        deadline = time.monotonic() + _DRAIN_SECONDS
        try:
            under_way = {query.id: _last_batch(query) for query in queries}
            while queries:
                for query in list(queries):
                    # Asked of the query itself: the board hears of a batch when the next one is under way.
                    between = not query.status["isTriggerActive"] or _last_batch(query) != under_way[query.id]
                    if between or time.monotonic() > deadline:
                        query.stop()
                        queries.remove(query)
                time.sleep(_DRAIN_LOOK_EVERY)
        except (*JVM_GONE, PySparkException) as error:
            _LOG.info("stopped without waiting for the last batch: %s", first_line(error))

    def _look_after(self, name: str, goal: _Goal) -> None:
        if goal.refused or (goal.query is not None and goal.query.isActive):
            return
        if goal.query is not None:
            error = goal.query.exception()
            goal.query = None
            self._failed(name, goal, str(error) if error else "the query ended by itself")
        if time.monotonic() < goal.start_at:
            return
        if goal.failures:
            self._board.restarted(name)
        goal.batch_at_start = self._board.last_batch(name)
        try:
            goal.query = goal.start()
        except LogPipelineError as error:
            goal.refused = True
            self._board.failed(name, error.message, of_checkpoint=True)
            error.show()
        except CheckpointError as error:
            self._failed(name, goal, str(error), of_checkpoint=True)
        except Py4JJavaError as error:
            self._failed(name, goal, java_text(error))
        except PySparkException as error:
            self._failed(name, goal, str(error))

    def _look_into(self, name: str, goal: _Goal) -> None:
        """Note that a goal advances within a long batch."""
        if goal.query is None or self._board.silence(name) < _LONG_SECONDS:
            return
        before, goal.work = goal.work, self._work(goal.query)
        if goal.work not in ((), before):
            self._board.advances(name)

    def _failed(self, name: str, goal: _Goal, error: str, *, of_checkpoint: bool = False) -> None:
        progressed = self._board.last_batch(name) != goal.batch_at_start
        goal.failures = 1 if progressed else goal.failures + 1
        wait = backoff(goal.failures)
        goal.start_at = time.monotonic() + wait
        self._board.failed(name, error, of_checkpoint=of_checkpoint)
        _LOG.error("goal %s failed, starts again in %g s: %s", name, wait, error)


def _last_batch(query: StreamingQuery) -> int | None:
    progress = query.lastProgress
    return None if progress is None else int(progress["batchId"])
