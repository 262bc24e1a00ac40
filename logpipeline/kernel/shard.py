"""One shard of a goal's state: cells that still matter, and how far event time is.

`advance` is the whole of a goal: late cells dropped, windows passed or closed, state pruned. It is a pure function, so
a batch that runs again gives the same results.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import accumulate, islice, pairwise

import orjson
import polars as pl

from logpipeline.kernel import cells as cells_of
from logpipeline.kernel import segments as segments_of
from logpipeline.kernel import watermark
from logpipeline.kernel.segments import Segment
from logpipeline.kernel.watermark import Progress
from logpipeline.kernel.windows import BEGINNING, closing, passing
from logpipeline.rules import Rule


@dataclass(frozen=True)
class Phase:
    """The cells that came while one threshold was in force; None: no window passed one early.

    An edit of the rule begins a new phase. What a window's count was at the end of each says whether it has given its
    result.
    """

    threshold: float | None
    segments: tuple[Segment, ...] = ()


@dataclass(frozen=True)
class Shard:
    """State: the cells that still matter, and progress. The last phase is the one in force."""

    phases: tuple[Phase, ...]
    progress: Progress

    @property
    def segments(self) -> tuple[Segment, ...]:
        """The segments of all phases, oldest first."""
        return tuple(segment for phase in self.phases for segment in phase.segments)

    @property
    def height(self) -> int:
        """How many cells there are."""
        return sum(segment.cells.height for segment in self.segments)


@dataclass(frozen=True)
class Outcome:
    """What a batch gave: windows (keys, `start`, `n` and `value`), to be read once, the number of late records, and of
    those that were dropped because state was full.
    """

    windows: Iterator[pl.DataFrame]
    late: int
    dropped: int


def new_shard() -> Shard:
    """Return the state before the first record."""
    return Shard((), Progress())


def advance(
    shard: Shard, batch: pl.DataFrame, progress: Progress, rule: Rule, room: int | None = None
) -> tuple[Shard, Outcome]:
    """Return state and outcome after a batch of cells, each (key, pane) once, that takes the stream to `progress`.

    `room` is how many bytes of cells state may hold, None for any number.
    """
    # Against the watermark of earlier batches: a record is counted in all of its windows or in none, in whatever order
    # the batch came.
    before = shard.progress.watermark
    in_time = pl.col("pane") + rule.slide > before
    new = batch.filter(in_time)
    late = batch.filter(~in_time)["n"].sum()
    phases, dropped = shard.phases, 0
    if room is not None and _size(phases, rule) + cells_of.size(new, rule) > room:
        phases = tuple(replace(phase, segments=segments_of.compacted(phase.segments, rule, before)) for phase in phases)
        new, dropped = _admitted(phases, new, rule, room)
    old = [(segments_of.all_cells(phase.segments, rule), phase.threshold) for phase in phases]
    if rule.early:
        windows = passing(old, new, rule, before)
    else:
        windows = closing(
            pl.concat([*(cells for cells, _ in old), new]), rule, before, progress.watermark, progress.since
        )
    phases = _phases(phases, new, rule, progress.watermark)
    since = max(progress.since, progress.watermark - rule.kept + 1)
    return Shard(phases, replace(progress, since=since)), Outcome(windows, int(late), dropped)


def _size(phases: tuple[Phase, ...], rule: Rule) -> int:
    return sum(cells_of.size(segment.cells, rule) for phase in phases for segment in phase.segments)


def _admitted(phases: tuple[Phase, ...], new: pl.DataFrame, rule: Rule, room: int) -> tuple[pl.DataFrame, int]:
    """Return the cells of `new` that state takes, and the number of records in the others.

    Those that it has already are counted on, so a count that is in state is never less than it would be. Of the others
    it takes those with the most records: who floods a goal with keys does not hide one that is busy.
    """
    held = pl.concat([segments_of.all_cells(phase.segments, rule) for phase in phases] or [cells_of.empty(rule)])
    left = room - cells_of.size(held, rule)
    if cells_of.size(new, rule) <= left:
        return new, 0
    identity = cells_of.identity(rule)
    known = new.join(held, on=identity, how="semi")
    kept, dropped = cells_of.heaviest(new.join(held, on=identity, how="anti"), rule, left)
    return pl.concat([known, kept]), dropped


def parts(
    shard: Shard, batch: pl.DataFrame, progress: Progress, rule: Rule, room: int | None
) -> Iterator[tuple[pl.DataFrame, Progress]]:
    """Yield what `advance` is to be given for a batch, one after the other, so that memory is in proportion to `room`.

    A batch that fits is one part. A backlog can hold many times the cells of the windows that are open at a time, so it
    goes by event time: before a later part, the windows that none of its records are in have closed. The results are
    those of the whole batch.
    """
    if room is None or _size(shard.phases, rule) + cells_of.size(batch, rule) <= room:
        yield batch, progress
        return
    sizes = batch.group_by("pane").agg(cells_of.bytes_of(rule).sum().alias("size")).sort("pane")
    # The first part holds nothing: what closes before the first record makes room for it.
    begin, held = BEGINNING, room
    for pane, size in sizes.iter_rows():
        if held and held + size > room // 2:
            until = max(shard.progress.watermark, min(progress.watermark, pane))
            yield (
                batch.filter(pl.col("pane").is_between(begin, pane, closed="left")),
                replace(progress, watermark=until),
            )
            begin, held = pane, 0
        held += size
    yield batch.filter(pl.col("pane") >= begin), progress


def _threshold(rule: Rule) -> float | None:
    """Return the threshold that windows pass early by the rule."""
    return rule.threshold if rule.early and rule.threshold is not None and math.isfinite(rule.threshold) else None


def _phases(phases: tuple[Phase, ...], new: pl.DataFrame, rule: Rule, end: int) -> tuple[Phase, ...]:
    """Return the phases after a batch whose cells are `new`, at its watermark `end`."""
    if not phases or phases[-1].threshold != _threshold(rule):
        phases = (*phases, Phase(_threshold(rule)))
    *ended, current = phases
    kept: list[Phase] = []
    for phase in ended:
        if segments := segments_of.live(phase.segments, rule, end):
            kept.append(replace(phase, segments=segments))
        elif kept and phase.threshold is not None:
            # No cell is left that came in this phase, so counts at its end are those at the end of the one before.
            lowest = phase.threshold if kept[-1].threshold is None else min(kept[-1].threshold, phase.threshold)
            kept[-1] = replace(kept[-1], threshold=lowest)
    return (*kept, replace(current, segments=segments_of.add(current.segments, new, rule, end)))


def to_bytes(shard: Shard) -> bytes:
    """Return the state as bytes: a line of JSON, then the segments, one behind the other."""
    segments = shard.segments
    parts = [segment.to_bytes() for segment in segments]
    head = orjson.dumps(
        {
            **watermark.to_json(shard.progress),
            "phases": [[phase.threshold, len(phase.segments)] for phase in shard.phases],
            "segments": [
                [segment.level, segment.last, len(part)] for segment, part in zip(segments, parts, strict=True)
            ],
        }
    )
    return b"".join((head, b"\n", *parts))


def from_bytes(data: bytes, rule: Rule) -> Shard:
    """Return the state that `to_bytes` wrote.

    State of a version that did not note the threshold is taken to be of the rule's own.
    """
    head, _, parts = data.partition(b"\n")
    values = orjson.loads(head)
    bounds = pairwise(accumulate((size for _, _, size in values["segments"]), initial=0))
    segments = (
        segments_of.read(level, last, parts[start:end])
        for (level, last, _), (start, end) in zip(values["segments"], bounds, strict=True)
    )
    phases = values.get("phases", [[_threshold(rule), len(values["segments"])]])
    held = tuple(Phase(threshold, tuple(islice(segments, size))) for threshold, size in phases)
    return Shard(held, watermark.from_json(values))
