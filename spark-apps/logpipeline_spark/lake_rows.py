"""Messages of Kafka → rows of the lake's tables, inside Spark's Python workers.

Both functions take batches of (value, topic, partition, offset, arrival_ms), as `messages.messages` reads them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import orjson
import pyarrow as pa

from logpipeline.kernel.columns import RowReader
from logpipeline.lake.settings import LakeSettings, ResultTopic
from logpipeline.lake.tables import RESULTS
from logpipeline.results import MalformedResultError, read_result
from logpipeline_spark.collection import freeze_modules

_LOG = logging.getLogger(__name__)

Rows = Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]


def raw_rows(settings: LakeSettings) -> Rows:
    """Return the function for `mapInArrow` whose rows are those of the table `raw`."""
    source, fields = settings.source, tuple(settings.fields)

    def read(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        freeze_modules()
        reader = RowReader(source, fields)
        for batch in batches:
            yield reader.read(batch)

    return read


def result_rows(goals: Iterable[ResultTopic]) -> Rows:
    """Return the function for `mapInArrow` whose rows are those of the table `results`; what is no result of the goal
    of its topic is logged and left out.
    """
    by_topic = {goal.topic: goal for goal in goals}

    def read(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        freeze_modules()
        for batch in batches:
            rows = [row for message in batch.to_pylist() if (row := _row(by_topic[message["topic"]], message))]
            yield pa.RecordBatch.from_pylist(rows, RESULTS)

    return read


def _row(goal: ResultTopic, message: dict[str, Any]) -> dict[str, Any] | None:
    try:
        result = read_result(goal, message["value"])
    except MalformedResultError as error:
        _LOG.warning("%s, partition %d, offset %d: %s", goal.topic, message["partition"], message["offset"], error)
        return None
    key = dict(zip(goal.group_by, result.key, strict=True))
    start, end, kafka_time = (
        datetime.fromtimestamp(seconds, UTC) for seconds in (result.start, result.end, message["arrival_ms"] / 1000)
    )
    return {
        "goal": goal.name,
        "key": list(key.items()),
        "window_start": start,
        "window_end": end,
        "count": result.count,
        "value_name": goal.value_name,
        "value": result.value,
        "identity": orjson.dumps([goal.name, result.start, key]).decode(),
        "topic": message["topic"],
        "partition": message["partition"],
        "offset": message["offset"],
        "kafka_time": kafka_time,
        "date": start.date(),
    }
