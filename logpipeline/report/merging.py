"""Intermediates of parts of a history → those of the whole, in any order and grouping."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import polars as pl

from logpipeline.report.layout import LAYOUT, Frame, Intermediates, Layout

# So many are gathered before they are merged: each merging sorts and cuts all the keys that there are.
_TOGETHER = 8


def merge(parts: Sequence[Intermediates], layout: Layout = LAYOUT) -> Intermediates:
    """Return the intermediates of everything that `parts`, at least one, were counted from.

    They do not depend on the order. Totals are exact; the numbers of a key are too small by no more than `folds` says,
    once a frame had more keys than it keeps.
    """
    merged, folds = {}, [part["folds"] for part in parts]
    for name, frame in layout.items():
        if name != "folds":
            kept, at_most = _bounded(grouped(pl.concat([part[name] for part in parts]), frame), frame)
            merged[name] = _sorted(kept, frame)
            if at_most:
                folds.append(pl.DataFrame([(name, at_most)], layout["folds"].schema(), orient="row"))
    merged["folds"] = _sorted(grouped(pl.concat(folds), layout["folds"]), layout["folds"])
    return merged


class Sum:
    """The intermediates of parts that come one by one, of which `together` wait to be merged at a time."""

    def __init__(self, layout: Layout = LAYOUT, together: int = _TOGETHER) -> None:
        self._layout, self._together = layout, together
        self._waiting = [nothing(layout)]

    def add(self, part: Intermediates) -> None:
        """Add those of one more part."""
        self._waiting.append(part)
        if len(self._waiting) > self._together:
            self._waiting = [self.result()]

    def result(self) -> Intermediates:
        """Return those of all parts so far."""
        return merge(self._waiting, self._layout)


def merged(parts: Iterable[Intermediates], layout: Layout = LAYOUT) -> Intermediates:
    """Return the intermediates of all `parts`, which may be many; only a few are held at a time."""
    whole = Sum(layout)
    for part in parts:
        whole.add(part)
    return whole.result()


def nothing(layout: Layout = LAYOUT) -> Intermediates:
    """Return the intermediates of no record."""
    return {name: pl.DataFrame(schema=frame.schema()) for name, frame in layout.items()}


def typed(rows: pl.DataFrame, frame: Frame) -> pl.DataFrame:
    """Return the columns of `frame`, in its order and types."""
    return rows.select(pl.col(name).cast(kind) for name, kind in frame.schema().items())


def grouped(rows: pl.DataFrame, frame: Frame) -> pl.DataFrame:
    """Return one row for each of the keys of `frame`, in any order, with its measures merged."""
    keys, measures = list(frame.keys), list(_measures(frame))
    if frame.smallest is not None:
        *others, last = keys
        smallest = pl.col(last).rank("ordinal").over(others) <= frame.smallest
        return rows.unique().filter(smallest)
    if not keys:
        return rows.select(measures) if rows.height else rows
    return rows.group_by(keys).agg(measures)


def _sorted(rows: pl.DataFrame, frame: Frame) -> pl.DataFrame:
    return rows.sort(list(frame.keys), nulls_last=True) if frame.keys else rows


def _measures(frame: Frame) -> Iterator[pl.Expr]:
    yield from (pl.col(name).sum() for name in frame.sums)
    yield from (pl.col(name).min() for name in frame.least)
    yield from (pl.col(name).max() for name in frame.greatest)


def _bounded(rows: pl.DataFrame, frame: Frame) -> tuple[pl.DataFrame, int]:
    """Return the rows with no more keys than are kept, and how many requests the heaviest of the others had."""
    folded = list(frame.folded)
    if not folded or rows.height <= frame.bound:
        return rows, 0
    weight = pl.col(frame.sums[0]).sum() if frame.sums else pl.len()
    keys = rows.drop_nulls(folded).group_by(folded).agg(weight=weight)
    if keys.height <= frame.bound:
        return rows, 0
    keys = keys.sort("weight", *folded, descending=[True, *(False for _ in folded)])
    kept = keys.head(frame.bound).select(*folded, kept=pl.lit(value=True))
    is_kept = pl.when("kept").then(pl.col(folded))
    rest = rows.join(kept, on=folded, how="left").with_columns(is_kept).drop("kept")
    return grouped(rest, frame), int(keys["weight"][frame.bound])
