"""The cells of a shard in segments: a batch adds one, and the others stay as they are written.

As in a log-structured merge tree: `FAN` segments of one level become one of the next, so a cell is written anew a few
times and not with each batch. A segment goes when its last cell no longer matters; cells that have expired before that
do no harm, for no window holds both them and a record in time. They make state twice as large at most.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Literal

import polars as pl
import polars.selectors as cs

from logpipeline.kernel import cells as cells_of
from logpipeline.rules import Rule

FAN = 8


@dataclass(frozen=True)
class Segment:
    """Cells of up to `FAN` ** `level` batches; `last` is the newest pane (epoch seconds) and `data` the cells as they
    were read, None for those of this batch.
    """

    cells: pl.DataFrame
    level: int
    last: int
    data: bytes | None = None

    def to_bytes(self) -> bytes:
        """Return the cells as an Arrow stream."""
        # Spark takes state through pickle, on its way in byte by byte: a fifth of the bytes is worth the compression.
        return frame_to_bytes(self.cells, compression="zstd") if self.data is None else self.data


def read(level: int, last: int, data: bytes) -> Segment:
    """Return the segment that was written as `data`."""
    return Segment(frame_from_bytes(data), level, last, data)


def all_cells(segments: tuple[Segment, ...], rule: Rule) -> pl.DataFrame:
    """Return the cells of all segments."""
    return pl.concat([cells_of.empty(rule), *(segment.cells for segment in segments)])


def live(segments: tuple[Segment, ...], rule: Rule, watermark: int) -> tuple[Segment, ...]:
    """Return the segments that hold a cell of a window that is open at the watermark (epoch seconds),
    or of one that such a window is compared with.
    """
    return tuple(segment for segment in segments if segment.last + rule.kept > watermark)


def compacted(segments: tuple[Segment, ...], rule: Rule, watermark: int) -> tuple[Segment, ...]:
    """Return all that matters of the segments at the watermark (epoch seconds) as one, with each (key, pane) once."""
    cells = all_cells(segments, rule).filter(pl.col("pane") + rule.kept > watermark)
    return tuple(_segment(cells_of.merge(cells, rule), max((segment.level for segment in segments), default=0)))


def add(segments: tuple[Segment, ...], new: pl.DataFrame, rule: Rule, watermark: int) -> tuple[Segment, ...]:
    """Return the segments after a batch whose cells are `new`, at its watermark (epoch seconds)."""
    matters = pl.col("pane") + rule.kept > watermark
    kept = [*live(segments, rule, watermark), *_segment(new.filter(matters), 0)]
    while len(kept) >= FAN and kept[-FAN].level == kept[-1].level:
        cells = pl.concat([segment.cells for segment in kept[-FAN:]]).filter(matters)
        kept[-FAN:] = _segment(cells_of.merge(cells, rule), kept[-1].level + 1)
    return tuple(kept)


def _segment(cells: pl.DataFrame, level: int) -> list[Segment]:
    """Return the cells as one segment, no cells as none."""
    last = cells["pane"].max()
    return [Segment(cells, level, last)] if isinstance(last, int) else []


def frame_to_bytes(frame: pl.DataFrame, compression: Literal["uncompressed", "zstd"] = "uncompressed") -> bytes:
    """Return cells as an Arrow IPC stream, their integers no wider than they must be."""
    buffer = io.BytesIO()
    frame = cells_of.packed(frame)
    narrow = frame.with_columns(column.shrink_dtype() for column in frame.select(cs.integer()))
    narrow.write_ipc_stream(buffer, compression=compression, compat_level=pl.CompatLevel.oldest())
    return buffer.getvalue()


def frame_from_bytes(data: bytes) -> pl.DataFrame:
    """Return the cells that `frame_to_bytes` wrote."""
    return cells_of.unpacked(pl.read_ipc_stream(data).with_columns(cs.integer().cast(pl.Int64)))
