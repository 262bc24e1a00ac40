"""First half of a goal, inside Spark's Python workers: a task's raw records become a few cells a shard.

What goes through Spark's shuffle is counts, not records: one row a shard and task.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

import numpy as np
import orjson
import polars as pl
import pyarrow as pa

from logpipeline.api.source import Source
from logpipeline.kernel import cells as cells_of
from logpipeline.kernel.invalid import describe
from logpipeline.kernel.records import RecordReader, needed
from logpipeline.kernel.segments import frame_to_bytes
from logpipeline.kernel.watermark import Clock
from logpipeline.kernel.windows import END
from logpipeline.rules import Rule
from logpipeline_spark.collection import freeze_modules
from logpipeline_spark.shards import shard_keys

# What a task hands on for one shard: `cells` (Arrow stream), `report` (JSON) and `invalid` (JSON lines).
REPORTED = ("records", "incomplete", "shortened", "dropped", "invalid")
COUNTED = "shard int, cells binary, report string, invalid string"
_SCHEMA = pa.schema([("shard", pa.int32()), ("cells", pa.binary()), ("report", pa.string()), ("invalid", pa.string())])

# A task hands on so many bytes of invalid records, so that they do not grow in memory.
_MOST_INVALID_BYTES = 8 << 20


@dataclass
class _Task:
    """What a task has counted, and the invalid records since it last handed some on. `size` is that of `cells`,
    `first` the second of its earliest valid record (END: none).
    """

    cells: list[pl.DataFrame] = field(default_factory=list)
    size: int = 0
    clocks: dict[int, Clock] = field(default_factory=dict)
    first: int = END
    records: int = 0
    incomplete: int = 0
    shortened: int = 0
    dropped: int = 0
    invalid: int = 0
    lines: list[str] = field(default_factory=list)
    line_bytes: int = 0


def counter(
    source: Source, rule: Rule, shards: int, *, room: int, topic: str, quotes_invalid: bool
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """Return the function for `mapInArrow`: batches of (value, partition, offset, arrival_ms) → rows of `COUNTED`.

    `room` is how many bytes of cells a task may hand on.
    """
    keys = shard_keys(shards)

    def count(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        freeze_modules()
        reader = RecordReader(source, needed([rule]))
        task = _Task()
        for batch in batches:
            records = reader.read(batch.column("value"), batch.column("arrival_ms"))
            places = (pl.Series(name, batch.column(name)) for name in ("partition", "offset", "arrival_ms"))
            records = records.with_columns(*places)
            _add(task, records, rule, room)
            if quotes_invalid:
                _quote(task, records.with_row_index("row"), batch.column("value"), topic)
            if task.line_bytes > _MOST_INVALID_BYTES:
                yield _invalid_rows(task, rule, keys)
        if task.records:
            _trim(task, rule, room)
            yield _hand_on(task, rule, keys)

    return count


def _add(task: _Task, records: pl.DataFrame, rule: Rule, room: int) -> None:
    cells, incomplete, shortened = cells_of.count(records, rule)
    task.cells.append(cells)
    task.size += cells_of.size(cells, rule)
    # Not with each batch: merging and sorting take several times what they are given.
    if task.size > room + room // 4:
        _trim(task, rule, room)
    task.records += records.height
    task.incomplete += incomplete
    task.shortened += shortened
    task.invalid += records.height - records["invalid"].null_count()
    newest = records.group_by("partition").agg(pl.col("event_ms").max(), pl.col("arrival_ms").max())
    for partition, event_ms, arrival_ms in newest.iter_rows():
        clock = Clock(event_ms, arrival_ms)
        task.clocks[partition] = task.clocks[partition].later(clock) if partition in task.clocks else clock
    first = records["second"].min()
    if isinstance(first, int):
        task.first = min(task.first, first)


def _trim(task: _Task, rule: Rule, room: int) -> None:
    """Make the cells of a task one frame that fits in `room` bytes."""
    cells = pl.concat(task.cells)
    cells = cells_of.merge(cells, rule) if len(task.cells) > 1 else cells
    task.size = cells_of.size(cells, rule)
    if task.size > room:
        cells, dropped = cells_of.heaviest(cells, rule, room)
        task.dropped += dropped
        task.size = cells_of.size(cells, rule)
    task.cells = [cells]


def _quote(task: _Task, records: pl.DataFrame, values: pa.Array, topic: str) -> None:
    invalid = records.filter(pl.col("invalid").is_not_null()).select(
        "row", "invalid", "partition", "offset", "arrival_ms"
    )
    for row, reason, partition, offset, arrival_ms in invalid.iter_rows():
        place = {"topic": topic, "partition": partition, "offset": offset, "timestamp": arrival_ms / 1000}
        line = describe(reason, place, values[row].as_py() or b"")
        task.lines.append(line)
        task.line_bytes += len(line)


def _hand_on(task: _Task, rule: Rule, keys: list[int]) -> pa.RecordBatch:
    (cells,) = task.cells
    shard = shard_of(cells, rule, len(keys))
    clocks = [[partition, clock.event_ms, clock.arrival_ms] for partition, clock in sorted(task.clocks.items())]
    counts = {name: getattr(task, name) for name in REPORTED}
    # Every shard learns how far event time is; what is counted by the task is told to one of them.
    reports = [
        orjson.dumps({"clocks": clocks, "first": task.first, **(counts if index == 0 else {})}).decode()
        for index in range(len(keys))
    ]
    parts = [frame_to_bytes(cells.filter(pl.Series(shard == index))) for index in range(len(keys))]
    return _rows(keys, parts, reports, ["\n".join(task.lines), *[""] * (len(keys) - 1)])


def _invalid_rows(task: _Task, rule: Rule, keys: list[int]) -> pa.RecordBatch:
    """Return the invalid records of a task, which then has none."""
    lines, task.lines, task.line_bytes = task.lines, [], 0
    return _rows(keys[:1], [frame_to_bytes(cells_of.empty(rule))], ['{"clocks":[]}'], ["\n".join(lines)])


def _rows(keys: list[int], cells: list[bytes], reports: list[str], invalid: list[str]) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(
        [
            pa.array(keys, pa.int32()),
            pa.array(cells, pa.binary()),
            pa.array(reports, pa.string()),
            pa.array(invalid, pa.string()),
        ],
        schema=_SCHEMA,
    )


def shard_of(cells: pl.DataFrame, rule: Rule, shards: int) -> np.ndarray[Any, np.dtype[np.uint32]]:
    """Return the shard of each cell by its key.

    State outlives versions of libraries, so the hash must be one that never changes: CRC-32.
    """
    joined = cells.select(pl.concat_str(cells_of.key_names(rule), separator="|").cast(pl.Binary)).to_series()
    return np.fromiter(map(crc32, joined), np.uint32, cells.height) % shards
