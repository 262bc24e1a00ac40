"""A board's facts as Prometheus metrics, computed when they are asked for so that ages are true."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from logpipeline_spark.progress import Board

_Metrics = Sequence[tuple[str, str, str]]


class BoardCollector(Collector):
    """Collects from a board of goals."""

    _what = "goal"
    _names = "logpipeline_goal"

    def __init__(self, board: Board) -> None:
        self._board = board

    def collect(self) -> Iterator[Metric]:
        """Yield a metric family a fact, labelled by pipeline and by the name of the query."""
        queries = self._board.progress()
        for name, description, fact in self._metrics():
            family: Any = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
            metric = family(f"{self._names}_{name}", description, labels=["pipeline", self._what])
            for query in queries:
                value = query.state == "running" if fact == "up" else getattr(query, fact)
                if isinstance(value, str):
                    value = datetime.fromisoformat(value).timestamp()
                if value is not None:
                    metric.add_metric([self._board.pipeline, getattr(query, self._what)], value)
            yield metric

    def _metrics(self) -> _Metrics:
        return _OF_GOALS


class LakeCollector(BoardCollector):
    """Collects from a board of a lake's tables."""

    _what = "table"
    _names = "logpipeline_lake"

    def _metrics(self) -> _Metrics:
        return _OF_TABLES


_OF_GOALS: _Metrics = (
    ("up", "1 while the goal's query runs", "up"),
    (
        "checkpoint_failed",
        "1 while the goal cannot use its checkpoint: it is of another rule, or cannot be read or written",
        "checkpoint_failed",
    ),
    ("records_total", "Records read", "records_total"),
    ("late_records_total", "Records dropped because they came behind the watermark", "late_total"),
    ("invalid_records_total", "Records that are not valid", "invalid_total"),
    (
        "incomplete_records_total",
        "Records left out because they lack a key or value field of the goal",
        "incomplete_total",
    ),
    (
        "shortened_key_records_total",
        "Records counted under a shortened key, for it is longer than 1 KiB",
        "shortened_total",
    ),
    ("dropped_records_total", "Records dropped because the goal's state was full", "dropped_total"),
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
_OF_TABLES: _Metrics = (
    ("up", "1 while the table is written", "up"),
    ("restarts_total", "Restarts of the table's writer after an error", "restarts"),
    ("lag_records", "Records on the topics that were not read when the last batch was planned", "lag_records"),
    ("last_commit_timestamp_seconds", "When the table's last batch ended", "last_batch_time"),
    ("batch_duration_seconds", "Duration of the last batch", "batch_duration_seconds"),
    ("files", "Files of the table", "files"),
    ("bytes", "Size of these files", "bytes"),
)
