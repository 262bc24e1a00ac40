"""What a goal reports of itself: a listener takes it from each batch, `/progress` and `/metrics` show it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from pyspark.sql.streaming.listener import (
    QueryIdleEvent,
    QueryProgressEvent,
    QueryStartedEvent,
    QueryTerminatedEvent,
    StreamingQueryListener,
)

from logpipeline.kernel.windows import BEGINNING
from logpipeline_spark.stream import OBSERVED

_TOTALS = ("records", "late", "invalid", "incomplete", "results")


@dataclass
class GoalProgress:
    """The newest facts of one goal. Totals count from the start of this process; times are epoch seconds."""

    state: str = "starting"
    batch: int | None = None
    batch_duration: float | None = None
    batch_ended: float | None = None
    rate: float | None = None
    lag: int | None = None
    offsets: int | None = None
    arrival: float | None = None
    watermark: int | None = None
    state_rows: int = 0
    state_bytes: int = 0
    restarts: int = 0
    error: str | None = None
    totals: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_TOTALS, 0))

    def lag_seconds(self, now: float) -> float | None:
        """Return the age of the newest record that was read, in seconds; 0 when there is nothing left to read, None
        when unknown.
        """
        if self.lag == 0:
            return 0.0
        return None if self.arrival is None else max(0.0, now - self.arrival)

    def take(self, progress: Any, now: float) -> None:
        """Take over what a batch that ended at `now` reports (a StreamingQueryProgress)."""
        self.state, self.error = "running", None
        self.batch, self.batch_ended = progress.batchId, now
        self.batch_duration = progress.batchDuration / 1000
        self.rate = progress.inputRowsPerSecond
        source = progress.sources[0]
        self.offsets = _sum_of_offsets(source.endOffset)
        latest = _sum_of_offsets(source.latestOffset)
        self.lag = None if latest is None or self.offsets is None else latest - self.offsets
        observed = (progress.observedMetrics or {}).get(OBSERVED)
        if observed is None or observed["records"] is None:
            return
        for name in _TOTALS:
            self.totals[name] += observed[name]
        self.state_rows, self.state_bytes = observed["state_rows"], observed["state_bytes"]
        self.arrival = observed["arrival_ms"] / 1000
        self.watermark = observed["watermark"] if observed["watermark"] > BEGINNING else None


class Board(StreamingQueryListener):
    """The progress of all goals of this process, told by Spark after each batch."""

    def __init__(self, pipeline: str, goals: list[str]) -> None:
        self._pipeline = pipeline
        self._lock = threading.Lock()
        self._goals = {name: GoalProgress() for name in goals}
        self._names: dict[str, str] = {}

    def onQueryStarted(self, event: QueryStartedEvent) -> None:
        """Remember the query's id, by which alone Spark tells of idleness."""
        with self._lock:
            self._names[str(event.id)] = str(event.name)

    def onQueryProgress(self, event: QueryProgressEvent) -> None:
        """Take over what the batch reports."""
        with self._lock:
            self._goals[str(event.progress.name)].take(event.progress, time.time())

    def onQueryIdle(self, event: QueryIdleEvent) -> None:
        """Note that the goal runs and has nothing left to read."""
        with self._lock:
            goal = self._goals[self._names[str(event.id)]]
            goal.state, goal.error, goal.lag = "running", None, 0

    def onQueryTerminated(self, event: QueryTerminatedEvent) -> None:
        """The host sees the query end and knows whether it starts again."""

    def failed(self, goal: str, error: str) -> None:
        """Note that a goal has stopped by an error."""
        with self._lock:
            self._goals[goal].state, self._goals[goal].error = "failed", error

    def restarted(self, goal: str) -> None:
        """Note that a goal was started again."""
        with self._lock:
            self._goals[goal].state = "starting"
            self._goals[goal].restarts += 1

    def last_batch(self, goal: str) -> int | None:
        """Return the id of the goal's last completed batch."""
        with self._lock:
            return self._goals[goal].batch

    def as_json(self) -> dict[str, Any]:
        """Return the progress of all goals; unknown values are null."""
        now = time.time()
        with self._lock:
            goals = [{"goal": name, **_facts(goal, now)} for name, goal in self._goals.items()]
        return {"pipeline": self._pipeline, "goals": goals}


def _facts(goal: GoalProgress, now: float) -> dict[str, Any]:
    return {
        "state": goal.state,
        "batch": goal.batch,
        "batch_duration_seconds": goal.batch_duration,
        "batch_age_seconds": None if goal.batch_ended is None else now - goal.batch_ended,
        "input_records_per_second": goal.rate,
        "lag_records": goal.lag,
        "offset_total": goal.offsets,
        "lag_seconds": goal.lag_seconds(now),
        "watermark": None if goal.watermark is None else datetime.fromtimestamp(goal.watermark, UTC).isoformat(),
        **{f"{name}_total": goal.totals[name] for name in _TOTALS},
        "state_rows": goal.state_rows,
        "state_bytes": goal.state_bytes,
        "restarts": goal.restarts,
        "error": goal.error,
    }


def _sum_of_offsets(text: str) -> int | None:
    """Return the sum over the partitions of an offset as Spark writes it: {"topic": {"partition": offset}}."""
    if text in ("", "None"):  # PySpark writes Java's null as text
        return None
    return sum(int(offset) for partitions in json.loads(text).values() for offset in partitions.values())


class BoardCollector(Collector):
    """The same facts as Prometheus metrics, computed when they are asked for so that ages are true."""

    def __init__(self, board: Board) -> None:
        self._board = board

    def collect(self) -> Iterator[Metric]:
        """Yield a metric family a fact, labelled by pipeline and goal."""
        progress = self._board.as_json()
        for name, description, fact in _METRICS:
            family: Any = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
            metric = family(f"logpipeline_goal_{name}", description, labels=["pipeline", "goal"])
            for goal in progress["goals"]:
                value = goal["state"] == "running" if fact == "up" else goal[fact]
                if isinstance(value, str):
                    value = datetime.fromisoformat(value).timestamp()
                if value is not None:
                    metric.add_metric([progress["pipeline"], goal["goal"]], value)
            yield metric


_METRICS = (
    ("up", "1 while the goal's query runs", "up"),
    ("records_total", "Records read", "records_total"),
    ("late_records_total", "Records dropped because they came behind the watermark", "late_total"),
    ("invalid_records_total", "Records that are not valid", "invalid_total"),
    (
        "incomplete_records_total",
        "Records left out because they lack a key or value field of the goal",
        "incomplete_total",
    ),
    ("results_total", "Results written", "results_total"),
    ("restarts_total", "Restarts of the query after an error", "restarts"),
    (
        "input_records_per_second",
        "Records a second that arrived between the last two batches",
        "input_records_per_second",
    ),
    ("lag_records", "Records on the topic that were not read when the last batch was planned", "lag_records"),
    ("lag_seconds", "Age of the newest record read while there are more to read", "lag_seconds"),
    ("batch_duration_seconds", "Duration of the last batch", "batch_duration_seconds"),
    ("batch_age_seconds", "Time since the last batch ended", "batch_age_seconds"),
    ("watermark_timestamp_seconds", "Event time up to which the windows are closed", "watermark"),
    ("state_cells", "Cells of the open windows", "state_rows"),
    ("state_bytes", "Size of the state", "state_bytes"),
)
