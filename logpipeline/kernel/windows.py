"""Cells → windows: which windows pass their threshold now, which close now, and what they hold.

The sum over a sliding window changes only where a pane enters or leaves it. So the work is in proportion to the panes a
key has, not to windows a record is in, and a gap of years between two records costs nothing: each pane becomes two
steps, and a running total over the steps of a key gives the sum of every window in between.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from logpipeline.kernel.cells import FRACTION, key_names
from logpipeline.rules import Rule

Integers = npt.NDArray[np.int64]

# Before and after every event time that a record can have (years 1 to 9999), with room for a window around it.
BEGINNING = -(2**40)
END = 2**40


def passing(old: pl.DataFrame, new: pl.DataFrame, rule: Rule) -> pl.DataFrame:
    """Return the windows whose count passes the threshold by adding the cells `new` to `old`: columns keys, `start`,
    `n`.

    A count only grows, so a window passes once. `n` is the first count beyond the threshold, whatever the batch added:
    the result depends on the records alone, not on how they fell into batches.
    """
    assert rule.threshold is not None
    # A state holds many keys and a batch has few of them: all else is left aside first.
    old = old.join(new, on=key_names(rule), how="semi", maintain_order="left")
    cells = pl.concat([old, new])
    code = _codes(cells, rule)
    n = cells["n"].to_numpy()
    rows = np.flatnonzero((np.bincount(code, weights=n) > rule.threshold)[code])
    before = np.where(rows < old.height, n[rows], 0)
    owner, start, stop, (total, earlier) = _spans(code[rows], cells["pane"].to_numpy()[rows], (n[rows], before), rule)
    pick = np.flatnonzero((total > rule.threshold) & (earlier <= rule.threshold))
    index, starts = _each_window(start[pick], stop[pick], rule)
    first = np.full(len(starts), int(rule.threshold // 1) + 1)
    return _windows(cells[rows], rule, owner[pick][index], starts, n=first)


def closing(cells: pl.DataFrame, rule: Rule, after: int, until: int) -> pl.DataFrame:
    """Return the windows with a record whose end is in (after, until]: columns keys, `start`, `n`, and `value` if it is
    not a count.

    `after` and `until` are watermarks in epoch seconds. Windows that do not pass the rule's threshold are left out.
    """
    first = -((rule.size - after - 1) // rule.slide) * rule.slide
    last = (until - rule.size) // rule.slide * rule.slide
    cells = cells.filter((pl.col("pane") <= until - rule.slide) & (pl.col("pane") >= after - rule.size + 1))
    if rule.aggregate == "count":
        return _count_up(cells, rule, first, last)
    found = (_add_up if rule.aggregate in ("sum", "avg") else _gather)(cells, rule, first, last)
    return found if rule.threshold is None else found.filter(pl.col("value") > rule.threshold)


def _count_up(cells: pl.DataFrame, rule: Rule, first: int, last: int) -> pl.DataFrame:
    threshold = 0 if rule.threshold is None else rule.threshold
    code, n = _codes(cells, rule), cells["n"].to_numpy()
    # A key with no more records than the threshold in all its panes has none in a window; most keys are such.
    hot = np.flatnonzero((np.bincount(code, weights=n) > threshold)[code])
    return _sums(cells[hot], code[hot], rule, (first, last), ["n"], threshold)


def _sums(
    cells: pl.DataFrame, code: Integers, rule: Rule, starts: tuple[int, int], weights: list[str], least: float
) -> pl.DataFrame:
    """Return the sums of the windows from the first to the last of `starts` that have more than `least` records."""
    values = [cells[name].to_numpy() for name in weights]
    owner, start, stop, sums = _spans(code, cells["pane"].to_numpy(), values, rule)
    start, stop = np.maximum(start, starts[0]), np.minimum(stop, starts[1] + rule.slide)
    pick = np.flatnonzero((sums[0] > least) & (start < stop))
    index, each = _each_window(start[pick], stop[pick], rule)
    columns = {name: total[pick][index] for name, total in zip(weights, sums, strict=True)}
    return _windows(cells, rule, owner[pick][index], each, **columns)


def _add_up(cells: pl.DataFrame, rule: Rule, first: int, last: int) -> pl.DataFrame:
    found = _sums(cells, _codes(cells, rule), rule, (first, last), ["n", "whole", "fraction"], 0)
    # Python divides integers of any size and rounds once, so the mean of 0.1 and 0.2 is 0.15.
    divisors = found["n"] if rule.aggregate == "avg" else itertools.repeat(1)
    totals = zip(found["whole"], found["fraction"], divisors, strict=False)
    value = [(whole * FRACTION + fraction) / (FRACTION * divisor) for whole, fraction, divisor in totals]
    return found.select(*key_names(rule), "start", "n").with_columns(pl.Series("value", value, pl.Float64))


def _gather(cells: pl.DataFrame, rule: Rule, first: int, last: int) -> pl.DataFrame:
    """Give each window the cells of its panes; a rank, unlike a sum, cannot be kept up to date by taking off what
    leaves.
    """
    pane = cells["pane"].to_numpy()
    start = np.maximum(pane + rule.slide - rule.size, first)
    stop = np.minimum(pane, last) + rule.slide
    index, starts = _each_window(start, np.maximum(start, stop), rule)
    window = [*key_names(rule), "start"]
    rows = cells[index].with_columns(pl.Series("start", starts, pl.Int64))
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
    return rows.group_by(window).agg(pl.col("n").sum(), value.alias("value"))


def _spans(
    code: Integers, pane: Integers, weights: Sequence[Integers], rule: Rule
) -> tuple[Integers, Integers, Integers, list[Integers]]:
    """Return the spans of window starts over which the sums of a key stay the same.

    A row a span: (a row of that key, first start, start that it ends before, the sum of each weight).
    """
    key = np.concatenate((code, code))
    step = np.concatenate((pane + rule.slide - rule.size, pane + rule.slide))
    order = np.lexsort((step, key))
    key, step = key[order], step[order]
    # The steps of one key add up to nothing, so one running total serves all keys one behind the other.
    sums = [np.cumsum(np.concatenate((weight, -weight))[order]) for weight in weights]
    last_of_step = np.flatnonzero((key[1:] != key[:-1]) | (step[1:] != step[:-1]))
    owner = order[last_of_step] % max(len(code), 1)
    return owner, step[last_of_step], step[last_of_step + 1], [total[last_of_step] for total in sums]


def _each_window(start: Integers, stop: Integers, rule: Rule) -> tuple[Integers, Integers]:
    """Return (index of the span, window start) for every window of the spans [start, stop)."""
    lengths = (stop - start) // rule.slide
    index = np.repeat(np.arange(len(start)), lengths)
    offset = np.arange(len(index)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return index, start[index] + offset * rule.slide


def _codes(cells: pl.DataFrame, rule: Rule) -> Integers:
    """Return a small integer for each row, the same for rows of the same key."""
    code = np.zeros(cells.height, np.int64)
    for name in key_names(rule):
        encoded = cells[name].to_arrow(compat_level=pl.CompatLevel.oldest()).dictionary_encode()
        code = code * len(encoded.dictionary) + encoded.indices.to_numpy().astype(np.int64)
        if len(rule.group_by) > 1:
            code = np.asarray(pa.array(code).dictionary_encode().indices, np.int64)
    return code


def _windows(cells: pl.DataFrame, rule: Rule, owner: Integers, start: Integers, **columns: Any) -> pl.DataFrame:
    """Return a row a window: the key of the cell `owner`, the window's start and the columns."""
    keys = cells.select(key_names(rule))[owner]
    return keys.with_columns(
        pl.Series("start", start, pl.Int64), *(pl.Series(name, data) for name, data in columns.items())
    )
