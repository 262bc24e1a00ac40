"""What a report shows: panels of numbers, each with a chart, where one helps, and the query that lists its records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import polars as pl

from logpipeline.report.layout import LAYOUT, Intermediates

Kind = Literal["text", "count", "bytes", "number", "share", "change", "seconds", "moment"]
"""How a value is written: `share` and `change` are fractions of 1, `moment` is text already."""

Row = tuple[Any, ...]


@dataclass(frozen=True)
class Column:
    """`name` is what the numbers call it, `title` what the page does."""

    name: str
    title: str
    kind: Kind = "count"


@dataclass(frozen=True)
class Chart:
    """A Vega-Lite specification and what it shows, in words."""

    label: str
    specification: Mapping[str, Any]


@dataclass(frozen=True)
class Panel:
    """Rows of values by column. The first value of a row names it; None stands for all others together."""

    name: str
    title: str
    columns: Sequence[Column]
    rows: Sequence[Row]
    note: str = ""
    chart: Chart | None = None
    query: str | None = None
    """Lists the records behind it, of the first row where it is about one."""


@dataclass(frozen=True)
class Report:
    """All that the page shows and the numbers say. `facts` are the overview: columns and one row."""

    title: str
    source: str
    facts: Panel
    panels: Sequence[Panel]
    remarks: Sequence[str] = field(default_factory=list)


REQUESTS = Column("requests", "Requests")
BYTES = Column("bytes", "Bytes", "bytes")
SHARE = Column("share", "Share", "share")


def text(name: str, title: str) -> Column:
    """Return a column of text."""
    return Column(name, title, "text")


def ranked(frame: pl.DataFrame, keys: Sequence[str], measures: Sequence[str], most: int) -> list[Row]:
    """Return the `most` heaviest keys by the first of `measures`, with its share of all at the end of a row, and a row
    of what all others have together.
    """
    by, *_ = measures
    named = frame.drop_nulls(list(keys)).sort(by, *keys, descending=[True, *(False for _ in keys)])
    top = named.head(most)
    total = total_of(frame, by)
    rest = [total_of(frame, name) - total_of(top, name) for name in measures]
    rows: list[Row] = [(*row, share(row[len(keys)], total)) for row in top.select(*keys, *measures).rows()]
    if top.height < frame.height:
        rows.append((*(None for _ in keys), *rest, share(rest[0], total)))
    return rows


def total_of(frame: pl.DataFrame, measure: str) -> int:
    """Return the sum of a measure."""
    return int(frame[measure].sum())


def share(part: int, whole: int) -> float:
    """Return `part` as a fraction of `whole`, 0 of nothing."""
    return part / whole if whole else 0.0


def first_key(rows: Sequence[Row], at: int = 0) -> str | None:
    """Return the key of the first row, None where there is none."""
    return rows[0][at] if rows else None


def folded(found: Intermediates, name: str) -> str:
    """Return what is to be said of a frame that had more keys than are kept, nothing of the others."""
    folds = found["folds"].filter(pl.col("frame") == name)
    if not folds.height:
        return ""
    return (
        f"There are more than {LAYOUT[name].bound:,} different ones; numbers of a row may be too small by up to "
        f"{total_of(folds, 'at_most'):,} requests, which are in the last row."
    )
