"""One shard of a goal's state: cells that still matter, and how far event time is.

`advance` is the whole of a goal: late cells dropped, windows passed or closed, state pruned. It is a pure function, so
a batch that runs again gives the same results.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Literal

import orjson
import polars as pl
import polars.selectors as cs

from logpipeline.kernel import cells as cells_of
from logpipeline.kernel.watermark import Clock, Progress
from logpipeline.kernel.windows import closing, passing
from logpipeline.rules import Rule

# Cells of the same key and pane are merged when state has grown by this factor since it was last merged.
_MERGE_AT = 1.5


@dataclass(frozen=True)
class Shard:
    """State: cells of the windows that are still open, progress, and how many cells there were after the last merge."""

    cells: pl.DataFrame
    progress: Progress
    merged: int = 0


@dataclass(frozen=True)
class Outcome:
    """What a batch gave: windows (keys, `start`, `n` and `value`), and the number of late records."""

    windows: pl.DataFrame
    late: int


def new_shard(rule: Rule) -> Shard:
    """Return the state before the first record."""
    return Shard(cells_of.empty(rule), Progress())


def advance(shard: Shard, batch: pl.DataFrame, progress: Progress, rule: Rule) -> tuple[Shard, Outcome]:
    """Return state and outcome after a batch of cells that takes the stream to `progress`."""
    # Against the watermark of earlier batches: a record is counted in all of its windows or in none, in whatever order
    # the batch came.
    before = shard.progress.watermark
    in_time = pl.col("pane") + rule.slide > before
    new = batch.filter(in_time)
    late = batch.filter(~in_time)["n"].sum()
    cells = pl.concat([shard.cells, new])
    windows = passing(shard.cells, new, rule) if rule.early else closing(cells, rule, before, progress.watermark)
    kept = cells.filter(pl.col("pane") + rule.size > progress.watermark)
    merged = shard.merged
    if kept.height > _MERGE_AT * merged:
        kept = cells_of.merge(kept, rule)
        merged = kept.height
    return Shard(kept, progress, merged), Outcome(windows, int(late))


def to_bytes(shard: Shard) -> bytes:
    """Return the state as bytes: a line of JSON, then the cells as an Arrow stream."""
    progress = shard.progress
    head = orjson.dumps(
        {
            "watermark": progress.watermark,
            "started_ms": progress.started_ms,
            "clocks": [
                [partition, clock.event_ms, clock.arrival_ms] for partition, clock in sorted(progress.clocks.items())
            ],
            "merged": shard.merged,
        }
    )
    # Spark takes state through pickle, on its way in byte by byte: a fifth of the bytes is worth the compression.
    return head + b"\n" + frame_to_bytes(shard.cells, "zstd")


def from_bytes(data: bytes) -> Shard:
    """Return the state that `to_bytes` wrote."""
    head, _, cells = data.partition(b"\n")
    values = orjson.loads(head)
    clocks = {partition: Clock(event, arrival) for partition, event, arrival in values["clocks"]}
    return Shard(frame_from_bytes(cells), Progress(values["watermark"], clocks, values["started_ms"]), values["merged"])


def frame_to_bytes(frame: pl.DataFrame, compression: Literal["uncompressed", "zstd"] = "uncompressed") -> bytes:
    """Return a frame as an Arrow IPC stream, its integers no wider than they must be."""
    buffer = io.BytesIO()
    narrow = frame.with_columns(column.shrink_dtype() for column in frame.select(cs.integer()))
    narrow.write_ipc_stream(buffer, compression=compression, compat_level=pl.CompatLevel.oldest())
    return buffer.getvalue()


def frame_from_bytes(data: bytes) -> pl.DataFrame:
    """Return the frame that `frame_to_bytes` wrote."""
    return pl.read_ipc_stream(data).with_columns(cs.integer().cast(pl.Int64))
