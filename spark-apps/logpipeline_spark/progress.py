"""What a streaming query reports of itself: a listener takes it from each batch, `/progress` and `/metrics` show it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from pyspark.sql.streaming.listener import (
    QueryIdleEvent,
    QueryStartedEvent,
    QueryTerminatedEvent,
    StreamingQueryListener,
)

from logpipeline.kernel.windows import BEGINNING
from logpipeline.progress import GoalProgress, TableProgress
from logpipeline_spark.batch_report import BatchReport, java_listener
from logpipeline_spark.checkpoint import Committed
from logpipeline_spark.failures import cause, is_of_checkpoint
from logpipeline_spark.health import Pulse
from logpipeline_spark.stream import OBSERVED

_TOTALS = ("records", "late", "invalid", "incomplete", "shortened", "dropped", "results")


@dataclass
class Query:
    """The newest facts of one streaming query. Times are epoch seconds."""

    checkpoint: str | None = None
    checkpoint_failed: bool = False
    state: str = "starting"
    batch: int | None = None
    batch_duration: float | None = None
    batch_ended: float | None = None
    rate: float | None = None
    lag: int | None = None
    offsets: Mapping[str, int] | None = None
    restarts: int = 0
    error: str | None = None
    pulse: Pulse = field(default_factory=Pulse)

    def take(self, report: BatchReport, now: float) -> None:
        """Take over what a batch that ended at `now` reports."""
        self.state, self.error, self.checkpoint_failed = "running", None, False
        self.batch, self.batch_ended = report.batch, now
        self.batch_duration, self.rate, self.offsets = report.seconds, report.rate, report.offsets
        ends, offsets = report.latest, report.offsets
        self.lag = None if ends is None or offsets is None else sum(ends.values()) - sum(offsets.values())

    def facts(self, name: str, now: float) -> Any:
        """Return what is reported of the query `name` at `now`, as /progress shows it."""
        raise NotImplementedError

    def shared_facts(self, now: float) -> dict[str, Any]:
        """Return the facts that every kind of query has, by the names of `logpipeline.progress`."""
        return {
            "state": self.state,
            "checkpoint": self.checkpoint,
            "checkpoint_failed": self.checkpoint_failed,
            "batch": self.batch,
            "last_batch_time": None if self.batch_ended is None else _moment(self.batch_ended),
            "batch_age_seconds": None if self.batch_ended is None else max(0.0, now - self.batch_ended),
            "batch_duration_seconds": self.batch_duration,
            "input_records_per_second": self.rate,
            "lag_records": self.lag,
            "offsets": self.offsets,
            "offset_total": None if self.offsets is None else sum(self.offsets.values()),
            "restarts": self.restarts,
            "error": self.error,
        }


@dataclass
class Goal(Query):
    """The newest facts of one goal. Totals count from the start of this process."""

    rule: Mapping[str, Any] | None = None
    state_version: int | None = None
    arrival: float | None = None
    watermark: int | None = None
    state_rows: int = 0
    state_bytes: int = 0
    totals: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_TOTALS, 0))

    def lag_seconds(self, now: float) -> float | None:
        """Return the age of the newest record that was read, in seconds; 0 when there is nothing left to read, None
        when unknown.
        """
        if self.lag == 0:
            return 0.0
        return None if self.arrival is None else max(0.0, now - self.arrival)

    def take(self, report: BatchReport, now: float) -> None:
        """Take over what a batch reports."""
        super().take(report, now)
        observed = report.observed.get(OBSERVED)
        if observed is None or observed.get("records") is None:
            return
        for name in _TOTALS:
            self.totals[name] += observed[name]
        self.state_rows, self.state_bytes = observed["state_rows"], observed["state_bytes"]
        self.arrival = observed["arrival_ms"] / 1000
        self.watermark = observed["watermark"] if observed["watermark"] > BEGINNING else None

    def facts(self, name: str, now: float) -> GoalProgress:
        """Return what is reported of the goal at `now`."""
        totals = {f"{total}_total": count for total, count in self.totals.items()}
        return GoalProgress(
            goal=name,
            **self.shared_facts(now) | totals,
            rule=self.rule,
            state_version=self.state_version,
            lag_seconds=self.lag_seconds(now),
            watermark=None if self.watermark is None else _moment(self.watermark),
            state_rows=self.state_rows,
            state_bytes=self.state_bytes,
        )


@dataclass
class Table(Query):
    """The newest facts of one table of a lake."""

    files: int | None = None
    bytes: int | None = None

    def facts(self, name: str, now: float) -> TableProgress:
        """Return what is reported of the table at `now`."""
        return TableProgress(table=name, **self.shared_facts(now), files=self.files, bytes=self.bytes)


class Board(StreamingQueryListener):
    """The progress of all queries of this process by name, as Spark reports it after each batch. Any thread may use it.

    `what` they are is the word for one of them.
    """

    def __init__(
        self,
        pipeline: str,
        queries: Mapping[str, Query],
        what: str = "goal",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.pipeline = pipeline
        self._what = what
        self._clock = clock
        self._lock = threading.Lock()
        self._queries = dict(queries)
        self._names: dict[str, str] = {}
        self._host = Pulse()

    def onQueryStarted(self, event: QueryStartedEvent) -> None:
        """Remember the query's id, by which alone Spark tells of idleness."""
        with self._lock:
            self._names[str(event.id)] = str(event.name)
            self._queries[str(event.name)].pulse.beat(self._clock())

    @cached_property
    def _jlistener(self) -> Any:
        """What Spark is given: pyspark's own listener is slow."""
        return java_listener(self)

    def onQueryProgress(self, report: BatchReport) -> None:  # type: ignore[override]  # see _jlistener
        """Take over what the batch reports."""
        with self._lock:
            goal = self._queries[report.name]
            goal.take(report, time.time())
            goal.pulse.beat(self._clock())

    def onQueryIdle(self, event: QueryIdleEvent) -> None:
        """Note that the goal runs and has nothing left to read."""
        with self._lock:
            goal = self._queries[self._names[str(event.id)]]
            goal.state, goal.error, goal.lag, goal.rate = "running", None, 0, 0.0
            goal.checkpoint_failed = False
            goal.pulse.beat(self._clock())

    def onQueryTerminated(self, event: QueryTerminatedEvent) -> None:
        """Expect nothing of it any more; the host sees the query end and knows whether it starts again."""
        with self._lock:
            self._queries[self._names[str(event.id)]].pulse.rest()

    def note(self, name: str, **facts: Any) -> None:
        """Set fields of a query, by their names."""
        with self._lock:
            for field_name, value in facts.items():
                setattr(self._queries[name], field_name, value)

    def resumes(self, name: str, committed: Committed) -> None:
        """Note the last batch of a query that starts, before which it does not go back."""
        self.note(name, batch=committed.batch, offsets=committed.offsets, batch_ended=committed.ended)

    def waiting(self, reason: str | None) -> None:
        """Note what all goals wait for before they start, None for nothing more."""
        with self._lock:
            for goal in self._queries.values():
                goal.error = reason

    def failed(self, name: str, error: str, *, of_checkpoint: bool = False) -> None:
        """Note that a goal has stopped by an error; `of_checkpoint`: its checkpoint is of another rule, or its store
        fails.
        """
        with self._lock:
            goal = self._queries[name]
            goal.state, goal.error = "failed", cause(error)
            goal.checkpoint_failed = of_checkpoint or (
                goal.checkpoint is not None and is_of_checkpoint(goal.checkpoint, error)
            )
            goal.pulse.rest()

    def restarted(self, name: str) -> None:
        """Note that a goal was started again."""
        with self._lock:
            self._queries[name].state = "starting"
            self._queries[name].restarts += 1

    def host_lives(self) -> None:
        """Note that the loop that looks after the goals has come round."""
        with self._lock:
            self._host.beat(self._clock())

    def host_ended(self) -> None:
        """Note that the loop has ended on purpose."""
        with self._lock:
            self._host.rest()
            for goal in self._queries.values():
                goal.pulse.rest()

    def last_batch(self, name: str) -> int | None:
        """Return the id of the goal's last completed batch."""
        with self._lock:
            return self._queries[name].batch

    def silence(self, name: str) -> float:
        """Return the seconds since a goal's last sign of life, 0 when it is not at work."""
        with self._lock:
            return self._queries[name].pulse.silence(self._clock())

    def advances(self, name: str) -> None:
        """Note that a goal is further in its batch than before."""
        with self._lock:
            self._queries[name].pulse.beat(self._clock())

    def stalled(self, limit: float) -> list[str]:
        """Return what has shown no sign of life for more than `limit` seconds although it is at work; none when all is
        well.
        """
        with self._lock:
            pulses = {
                "the host": self._host,
                **{f"{self._what} {name}": goal.pulse for name, goal in self._queries.items()},
            }
            now = self._clock()
            silent = {name: pulse.silence(now) for name, pulse in pulses.items()}
        return [
            f"{name} has made no progress for {seconds:.0f} s" for name, seconds in silent.items() if seconds > limit
        ]

    def not_running(self) -> list[str]:
        """Return the goals that do not run, with their state and error."""
        with self._lock:
            return [
                f"{self._what} {name} is {goal.state}" + (f": {goal.error}" if goal.error else "")
                for name, goal in self._queries.items()
                if goal.state != "running"
            ]

    def progress(self) -> list[Any]:
        """Return the progress of all queries: GoalProgress or TableProgress."""
        now = time.time()
        with self._lock:
            return [goal.facts(name, now) for name, goal in self._queries.items()]

    def as_json(self) -> dict[str, Any]:
        """Return the document that /progress shows; unknown values are null."""
        return {"pipeline": self.pipeline, f"{self._what}s": [asdict(one) for one in self.progress()]}


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
