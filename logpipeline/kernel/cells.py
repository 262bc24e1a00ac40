"""Records → cells: what a goal needs to know of the records of one key in one pane.

A cell is additive: cells of the same key and pane from two batches mean the same as the cell of both batches together,
so state may hold them apart and merge them when it pays. Columns: `key0`, `key1`, … (text), `pane` (epoch seconds of
its start), `n` (records), then by aggregate: sum and avg `whole`, `fraction` and `high`; min, max and p95 `value` (for
p95 a cell holds one distinct value).
"""

from __future__ import annotations

from functools import reduce
from typing import NamedTuple

import polars as pl

from logpipeline.api.condition import Condition
from logpipeline.kernel.records import is_numeric
from logpipeline.keys import LONGEST, shortened
from logpipeline.rules import Rule

# Sums are exact integers, so they do not depend on the order in which batches and partitions are added up, and what
# leaves a window is subtracted without a remainder: high * HIGH + whole + fraction / FRACTION. In a cell `whole` is
# less than 2 * HIGH and `fraction` less than FRACTION: 2 ** 29 cells of a window fit in 64 bits, and 2 ** 45 records.
FRACTION = 10**10
HIGH = 2**32
# Sums below it are far from the end of 64 bits.
_SAFE = 2**61
# A value beyond this cannot be added up exactly; the record counts as one that lacks the field.
LARGEST = 1e15


# What a cell costs beside the bytes of its key: the numbers, and the views of the texts.
_CELL_BYTES = 64


class Counted(NamedTuple):
    """The cells of a batch, the number of records that were incomplete, and of those whose key was shortened."""

    cells: pl.DataFrame
    incomplete: int
    shortened: int


def key_names(rule: Rule) -> list[str]:
    """Return the names of the key columns of a rule's cells and results."""
    return [f"key{index}" for index in range(len(rule.group_by))]


def count(records: pl.DataFrame, rule: Rule) -> Counted:
    """Return what a batch comes to.

    `records` is what `RecordReader.read` returns. Incomplete: the record passes the rule's conditions but lacks a key
    or value field.
    """
    chosen = records.lazy().filter(
        reduce(lambda all_, one: all_ & one, map(_passes, rule.where), pl.col("second").is_not_null())
    )
    keys = [pl.col(f"text:{field}").alias(name) for field, name in zip(rule.group_by, key_names(rule), strict=True)]
    columns = [*keys, (pl.col("second") // rule.pane * rule.pane).alias("pane")]
    complete = reduce(lambda all_, one: all_ & one, [pl.col(f"text:{field}").is_not_null() for field in rule.group_by])
    if rule.field is not None:
        # NaN compares greater than everything, so it is left out as well.
        complete &= (pl.col(f"number:{rule.field}").abs() <= LARGEST).fill_null(False)
        columns.append(pl.col(f"number:{rule.field}").alias("value"))
    frame = chosen.select(*columns, complete=complete).collect()
    usable, long = _with_short_keys(frame.filter("complete").drop("complete"), rule)
    cells = usable.group_by(identity(rule)).agg(pl.len().cast(pl.Int64).alias("n"), *_first_summaries(usable, rule))
    return Counted(_carried(cells), frame.height - usable.height, long)


def _with_short_keys(records: pl.DataFrame, rule: Rule) -> tuple[pl.DataFrame, int]:
    """Return records with their keys as state and results have them, and how many of them had a longer one."""
    long = {name: records[name].str.len_bytes() > LONGEST for name in key_names(rule)}
    long = {name: is_long for name, is_long in long.items() if is_long.any()}
    if not long:
        return records, 0
    for name, is_long in long.items():
        values = [shortened(value) for value in records[name].filter(is_long)]
        column = records[name].clone().scatter(is_long.arg_true(), pl.Series(values, dtype=pl.String))
        records = records.with_columns(column.alias(name))
    return records, int(reduce(lambda any_, one: any_ | one, long.values()).sum())


def merge(cells: pl.DataFrame, rule: Rule) -> pl.DataFrame:
    """Return the same cells with each (key, pane) once."""
    return _carried(cells.group_by(identity(rule)).agg(pl.col("n").sum(), *_summaries(rule)))


def packed(cells: pl.DataFrame) -> pl.DataFrame:
    """Return cells as they are stored: without `high` unless 64 bits are too few for a sum."""
    if "high" not in cells.columns or not cells["high"].is_between(-_SAFE // HIGH, _SAFE // HIGH).all():
        return cells
    return cells.with_columns(pl.col("whole") + pl.col("high") * HIGH).drop("high")


def unpacked(cells: pl.DataFrame) -> pl.DataFrame:
    """Return the cells that `packed` made smaller."""
    if "whole" not in cells.columns or "high" in cells.columns:
        return cells
    return _carried(cells.with_columns(high=pl.lit(0, pl.Int64)))


def bytes_of(rule: Rule) -> pl.Expr:
    """Return about how many bytes a cell takes in memory; the same wherever it is."""
    lengths = [pl.col(name).str.len_bytes().cast(pl.Int64) for name in key_names(rule)]
    return pl.sum_horizontal(pl.lit(_CELL_BYTES, pl.Int64), *lengths)


def size(cells: pl.DataFrame, rule: Rule) -> int:
    """Return about how many bytes cells take in memory."""
    return int(cells.select(bytes_of(rule).sum()).item()) if cells.height else 0


def heaviest(cells: pl.DataFrame, rule: Rule, room: int) -> tuple[pl.DataFrame, int]:
    """Return those cells that have the most records and fit in `room` bytes, and the number of records in the others.

    Which they are does not depend on the order of the cells.
    """
    ordered = cells.sort(-pl.col("n"), *identity(rule))
    fits = ordered.select(bytes_of(rule).cum_sum() <= room).to_series()
    return ordered.filter(fits), int(ordered.filter(~fits)["n"].sum())


def empty(rule: Rule) -> pl.DataFrame:
    """Return no cells, with the columns of the rule's cells."""
    kinds = {"whole": pl.Int64, "fraction": pl.Int64, "high": pl.Int64, "value": pl.Float64}
    sums = ("whole", "fraction", "high")
    values = {"sum": sums, "avg": sums, "count": ()}.get(rule.aggregate, ("value",))
    keys = dict.fromkeys(key_names(rule), pl.String)
    middle = {"value": pl.Float64} if rule.aggregate == "p95" else {}
    return pl.DataFrame(
        schema={**keys, "pane": pl.Int64, **middle, "n": pl.Int64, **{name: kinds[name] for name in values}}
    )


def identity(rule: Rule) -> list[str]:
    """Return the names of the columns that tell a cell from others."""
    return [*key_names(rule), "pane", *(["value"] if rule.aggregate == "p95" else [])]


def _first_summaries(records: pl.DataFrame, rule: Rule) -> list[pl.Expr]:
    """Return what makes the summary of a cell out of the `value` of its records."""
    if rule.aggregate not in ("sum", "avg"):
        return _summaries(rule)
    whole = pl.col("value").floor().cast(pl.Int64)
    fraction = ((pl.col("value") - pl.col("value").floor()) * FRACTION).round().cast(pl.Int64)
    largest = records["value"].abs().max()
    if not isinstance(largest, float) or records.height * largest < _SAFE:
        sums = [whole.sum().alias("whole"), fraction.sum().alias("fraction")]
        return [*sums, pl.lit(0, pl.Int64).alias("high")]
    high = whole // HIGH
    return [(whole - high * HIGH).sum().alias("whole"), fraction.sum().alias("fraction"), high.sum().alias("high")]


def _summaries(rule: Rule) -> list[pl.Expr]:
    """Return what makes the summary of a cell out of those of cells."""
    match rule.aggregate:
        case "sum" | "avg":
            return [pl.col("whole").sum(), pl.col("fraction").sum(), pl.col("high").sum()]
        case "min":
            return [pl.col("value").min()]
        case "max":
            return [pl.col("value").max()]
        case _:
            return []


def _carried(cells: pl.DataFrame) -> pl.DataFrame:
    """Return cells whose sums carry what is more than a unit of `fraction` and `whole` to the next."""
    if "whole" not in cells.columns:
        return cells
    carry = pl.col("whole") // HIGH
    cells = cells.with_columns(pl.col("whole") - carry * HIGH, pl.col("high") + carry)
    carry = pl.col("fraction") // FRACTION
    return cells.with_columns(pl.col("whole") + carry, pl.col("fraction") - carry * FRACTION)


def _passes(condition: Condition) -> pl.Expr:
    """Return whether a record passes a condition; without the field it does not."""
    if is_numeric(condition):
        number = pl.col(f"number:{condition.field}")
        if condition.between is not None:
            return number.is_between(condition.between[0], condition.between[1]).fill_null(False)
        # NaN is greater than every number for polars and no number at all for us.
        bound = number > condition.greater_than if condition.greater_than is not None else number < condition.less_than
        return (bound & number.is_not_nan()).fill_null(False)
    text = pl.col(f"text:{condition.field}")
    if condition.equals is not None:
        return (text == str(condition.equals)).fill_null(False)
    if condition.in_ is not None:
        return text.is_in([str(value) for value in condition.in_]).fill_null(False)
    if condition.not_in is not None:
        return (~text.is_in([str(value) for value in condition.not_in])).fill_null(False)
    return text.str.starts_with(condition.prefix or "").fill_null(False)
