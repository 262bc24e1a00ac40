"""Cells → windows: which windows pass their threshold now, which close now, and what they hold."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import polars as pl

from logpipeline.kernel.cells import FRACTION, HIGH, key_names
from logpipeline.kernel.jumps import jumping
from logpipeline.kernel.spans import Integers, blocks, codes, spans_of
from logpipeline.rules import Rule

# Before and after every event time that a record can have (years 1 to 9999), with room for a window around it.
BEGINNING = -(2**40)
END = 2**40
# No count is greater.
_MOST = 2**62


def passing(
    before: Sequence[tuple[pl.DataFrame, float | None]], new: pl.DataFrame, rule: Rule, after: int
) -> Iterator[pl.DataFrame]:
    """Yield the windows that end after the watermark `after` (epoch seconds), have passed the threshold with the cells
    `new`, and had passed none before: columns keys, `start`, `n`, earliest first.

    `before` are the older cells, oldest first, and the threshold that was in force while they came (None: none was). A
    count only grows, so a window passes a threshold once. `n` is the first count beyond the threshold, whatever the
    batch added: the result depends on the records alone, not on how they fell into batches.
    """
    assert rule.threshold is not None
    if before and before[-1][1] == rule.threshold:
        # A state holds many keys and a batch has few of them, and only theirs can pass.
        before = [
            (cells.join(new, on=key_names(rule), how="semi", maintain_order="left"), old) for cells, old in before
        ]
    cells = pl.concat([*(cells for cells, _ in before), new])
    code = codes(cells, rule)
    n = cells["n"].to_numpy()
    rows = np.flatnonzero((np.bincount(code, weights=n) > rule.threshold)[code])
    ends = itertools.accumulate(cells.height for cells, _ in before)
    earlier = [(end, old) for end, (_, old) in zip(ends, before, strict=True) if old is not None]
    weights = [n[rows], *(np.where(rows < end, n[rows], 0) for end, _ in earlier)]
    owner, start, stop, (total, *totals) = spans_of(code[rows], cells["pane"].to_numpy()[rows], weights, rule)
    passes = total > rule.threshold
    for (_, old), count in zip(earlier, totals, strict=True):
        passes &= count <= old
    start = np.maximum(start, _first_start(after, rule))
    pick = np.flatnonzero(passes & (start < stop))
    first = int(min(rule.threshold, _MOST) // 1) + 1
    keys = cells[rows]
    for index, starts in blocks(start[pick], stop[pick], rule):
        yield _windows(keys, rule, owner[pick][index], starts, n=np.full(len(starts), first))


def closing(cells: pl.DataFrame, rule: Rule, after: int, until: int, since: int = END) -> Iterator[pl.DataFrame]:
    """Yield the windows with a record whose end is in (after, until]: columns keys, `start`, `n`, and `value` if it is
    not a count; earliest first.

    `after` and `until` are watermarks in epoch seconds, and nothing is missing from `since` on. Windows that the rule
    does not make results are left out.
    """
    first, last = _first_start(after, rule), (until - rule.size) // rule.slide * rule.slide
    if rule.previous is not None:
        first = max(first, -(-(since + rule.before) // rule.slide) * rule.slide)
    if first > last:
        return
    cells = cells.filter((pl.col("pane") <= until - rule.slide) & (pl.col("pane") >= after - rule.kept + 1))
    if rule.aggregate == "count":
        yield from _count_up(cells, rule, (first, last))
        return
    values = _add_up if rule.aggregate in ("sum", "avg") else _gather
    for found in values(cells, rule, (first, last)):
        passes = found if rule.threshold is None else found.filter(pl.col("value") > rule.threshold)
        yield passes if rule.previous is None or rule.aggregate == "sum" else jumping(passes, cells, rule, values)


def _first_start(after: int, rule: Rule) -> int:
    """Return the start of the first window that ends after the watermark `after`."""
    return -((rule.size - after - 1) // rule.slide) * rule.slide


def _count_up(cells: pl.DataFrame, rule: Rule, starts: tuple[int, int]) -> Iterator[pl.DataFrame]:
    threshold = 0 if rule.threshold is None else rule.threshold
    code, n = codes(cells, rule), cells["n"].to_numpy()
    # A key with no more records than the threshold in all its panes has none in a window; most keys are such.
    hot = np.flatnonzero((np.bincount(code, weights=n) > threshold)[code])
    earlier = [] if rule.previous is None else ["n"]
    for found in _sums(cells[hot], code[hot], rule, starts, ["n"], threshold, earlier):
        yield found if rule.previous is None else _above(found, rule, pl.col("n"), pl.col("earlier_n"))


def _sums(
    cells: pl.DataFrame,
    code: Integers,
    rule: Rule,
    starts: tuple[int, int],
    weights: list[str],
    least: float,
    earlier: list[str],
) -> Iterator[pl.DataFrame]:
    """Yield the sums of the windows from the first to the last of `starts` that have more than `least` records, and as
    `earlier_<weight>` those of the weights `earlier` in all that a window is compared with.
    """
    values = [cells[name].to_numpy() for name in weights]
    before = [cells[name].to_numpy() for name in earlier]
    names = [*weights, *(f"earlier_{name}" for name in earlier)]
    owner, start, stop, sums = spans_of(code, cells["pane"].to_numpy(), values, rule, before)
    start, stop = np.maximum(start, starts[0]), np.minimum(stop, starts[1] + rule.slide)
    pick = np.flatnonzero((sums[0] > least) & (start < stop))
    for index, each in blocks(start[pick], stop[pick], rule):
        columns = {name: total[pick][index] for name, total in zip(names, sums, strict=True)}
        yield _windows(cells, rule, owner[pick][index], each, **columns)


def _add_up(cells: pl.DataFrame, rule: Rule, starts: tuple[int, int]) -> Iterator[pl.DataFrame]:
    weights = ["high", "whole", "fraction"]
    earlier = weights if rule.previous is not None and rule.aggregate == "sum" else []
    for found in _sums(cells, codes(cells, rule), rule, starts, ["n", *weights], 0, earlier):
        divisors = found["n"] if rule.aggregate == "avg" else itertools.repeat(1)
        value = _quotients(found, "", divisors)
        sums = found.select(*key_names(rule), "start", "n").with_columns(pl.Series("value", value, pl.Float64))
        if earlier:
            total = pl.Series(_quotients(found, "earlier_", itertools.repeat(1)), dtype=pl.Float64)
            sums = _above(sums.with_columns(earlier=total), rule, pl.col("value"), pl.col("earlier"))
        yield sums


def _quotients(sums: pl.DataFrame, prefix: str, divisors: Iterable[int]) -> list[float]:
    # Python divides integers of any size and rounds once, so the mean of 0.1 and 0.2 is 0.15.
    totals = zip(*(sums[f"{prefix}{name}"] for name in ("high", "whole", "fraction")), divisors, strict=False)
    return [
        ((high * HIGH + whole) * FRACTION + fraction) / (FRACTION * divisor)
        for high, whole, fraction, divisor in totals
    ]


def _above(windows: pl.DataFrame, rule: Rule, value: pl.Expr, total: pl.Expr) -> pl.DataFrame:
    """Return the windows whose value is more than timesPrevious the mean of those before, whose `total` is given."""
    assert rule.previous is not None
    above = windows.filter(value * rule.previous.over > total * rule.previous.times)
    return above.select(pl.exclude("^earlier.*$"))


def _gather(cells: pl.DataFrame, rule: Rule, starts: tuple[int, int]) -> Iterator[pl.DataFrame]:
    """Give each window the cells of its panes; a rank, unlike a sum, cannot be kept up to date by taking off what
    leaves.
    """
    pane = cells["pane"].to_numpy()
    start = np.maximum(pane + rule.slide - rule.size, starts[0])
    stop = np.minimum(pane, starts[1]) + rule.slide
    window = [*key_names(rule), "start"]
    for index, each in blocks(start, stop, rule):
        rows = cells[index].with_columns(pl.Series("start", each, pl.Int64))
        match rule.aggregate:
            case "min":
                value = pl.col("value").min()
            case "max":
                value = pl.col("value").max()
            case _:
                rows = rows.sort("value")
                # Nearest rank: the least value with at least 95 % of the records at or below it.
                rank = (pl.col("n").sum() * 95 + 99) // 100
                value = pl.col("value").get((pl.col("n").cum_sum() < rank).sum())
        yield rows.group_by(window).agg(pl.col("n").sum(), value.alias("value"))


def _windows(cells: pl.DataFrame, rule: Rule, owner: Integers, start: Integers, **columns: Any) -> pl.DataFrame:
    """Return a row a window: the key of the cell `owner`, the window's start and the columns."""
    keys = cells.select(key_names(rule))[owner]
    return keys.with_columns(
        pl.Series("start", start, pl.Int64), *(pl.Series(name, data) for name, data in columns.items())
    )
