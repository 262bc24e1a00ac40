"""One shard of a goal's state: cells that still matter, and how far event time is.

`advance` is the whole of a goal: late cells dropped, windows passed or closed, state pruned. It is a pure function, so
a batch that runs again gives the same results.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate, pairwise

import orjson
import polars as pl

from logpipeline.kernel import segments as segments_of
from logpipeline.kernel.segments import Segment
from logpipeline.kernel.watermark import Clock, Progress
from logpipeline.kernel.windows import closing, passing
from logpipeline.rules import Rule


@dataclass(frozen=True)
class Shard:
    """State: the cells of the windows that are still open, and progress."""

    segments: tuple[Segment, ...]
    progress: Progress

    @property
    def height(self) -> int:
        """How many cells there are."""
        return sum(segment.cells.height for segment in self.segments)


@dataclass(frozen=True)
class Outcome:
    """What a batch gave: windows (keys, `start`, `n` and `value`), and the number of late records."""

    windows: pl.DataFrame
    late: int


def new_shard() -> Shard:
    """Return the state before the first record."""
    return Shard((), Progress())


def advance(shard: Shard, batch: pl.DataFrame, progress: Progress, rule: Rule) -> tuple[Shard, Outcome]:
    """Return state and outcome after a batch of cells that takes the stream to `progress`."""
    # Against the watermark of earlier batches: a record is counted in all of its windows or in none, in whatever order
    # the batch came.
    before = shard.progress.watermark
    in_time = pl.col("pane") + rule.slide > before
    new = batch.filter(in_time)
    late = batch.filter(~in_time)["n"].sum()
    old = segments_of.all_cells(shard.segments, rule)
    if rule.early:
        windows = passing(old, new, rule)
    else:
        windows = closing(pl.concat([old, new]), rule, before, progress.watermark)
    segments = segments_of.add(shard.segments, new, rule, progress.watermark)
    return Shard(segments, progress), Outcome(windows, int(late))


def to_bytes(shard: Shard) -> bytes:
    """Return the state as bytes: a line of JSON, then the segments, one behind the other."""
    progress = shard.progress
    parts = [segment.to_bytes() for segment in shard.segments]
    head = orjson.dumps(
        {
            "watermark": progress.watermark,
            "started_ms": progress.started_ms,
            "clocks": [
                [partition, clock.event_ms, clock.arrival_ms] for partition, clock in sorted(progress.clocks.items())
            ],
            "segments": [
                [segment.level, segment.last, len(part)] for segment, part in zip(shard.segments, parts, strict=True)
            ],
        }
    )
    return b"".join((head, b"\n", *parts))


def from_bytes(data: bytes) -> Shard:
    """Return the state that `to_bytes` wrote."""
    head, _, parts = data.partition(b"\n")
    values = orjson.loads(head)
    clocks = {partition: Clock(event, arrival) for partition, event, arrival in values["clocks"]}
    bounds = pairwise(accumulate((size for _, _, size in values["segments"]), initial=0))
    segments = tuple(
        segments_of.read(level, last, parts[start:end])
        for (level, last, _), (start, end) in zip(values["segments"], bounds, strict=True)
    )
    return Shard(segments, Progress(values["watermark"], clocks, values["started_ms"]))
