"""Records → cells: what a goal needs to know of the records of one key in one pane.

A cell is additive: cells of the same key and pane from two batches mean the same as the cell of both batches together,
so state may hold them apart and merge them when it pays. Columns: `key0`, `key1`, … (text), `pane` (epoch seconds of
its start), `n` (records), then by aggregate: sum and avg `whole` and `fraction`; min, max and p95 `value` (for p95 a
cell holds one distinct value).
"""

from __future__ import annotations

from functools import reduce

import polars as pl

from logpipeline.api.condition import Condition
from logpipeline.kernel.records import is_numeric
from logpipeline.rules import Rule

# Sums are exact integers, so they do not depend on the order in which batches and partitions are added up, and what
# leaves a window is taken off without a rest: whole units, and the fraction in units of 1e-10; 9e8 records of one key
# and window before it overflows.
FRACTION = 10**10
# A value beyond this cannot be added up exactly; the record counts as one that lacks the field.
LARGEST = 1e15


def key_names(rule: Rule) -> list[str]:
    """Return the names of the key columns of a rule's cells and results."""
    return [f"key{index}" for index in range(len(rule.group_by))]


def count(records: pl.DataFrame, rule: Rule) -> tuple[pl.DataFrame, int]:
    """Return the cells of a batch and the number of incomplete records.

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
    usable = frame.filter("complete").drop("complete")
    by = _identity(rule)
    cells = usable.group_by(by).agg(pl.len().cast(pl.Int64).alias("n"), *_summaries(rule, first=True))
    return cells, frame.height - usable.height


def merge(cells: pl.DataFrame, rule: Rule) -> pl.DataFrame:
    """Return the same cells with each (key, pane) once."""
    return cells.group_by(_identity(rule)).agg(pl.col("n").sum(), *_summaries(rule, first=False))


def empty(rule: Rule) -> pl.DataFrame:
    """Return no cells, with the columns of the rule's cells."""
    values = {"sum": ("whole", "fraction"), "avg": ("whole", "fraction"), "count": ()}.get(rule.aggregate, ("value",))
    kinds = {"whole": pl.Int64, "fraction": pl.Int64, "value": pl.Float64}
    keys = dict.fromkeys(key_names(rule), pl.String)
    middle = {"value": pl.Float64} if rule.aggregate == "p95" else {}
    return pl.DataFrame(
        schema={**keys, "pane": pl.Int64, **middle, "n": pl.Int64, **{name: kinds[name] for name in values}}
    )


def _identity(rule: Rule) -> list[str]:
    return [*key_names(rule), "pane", *(["value"] if rule.aggregate == "p95" else [])]


def _summaries(rule: Rule, *, first: bool) -> list[pl.Expr]:
    match rule.aggregate:
        case "sum" | "avg" if first:
            whole = pl.col("value").floor()
            return [
                whole.cast(pl.Int64).sum().alias("whole"),
                ((pl.col("value") - whole) * FRACTION).round().cast(pl.Int64).sum().alias("fraction"),
            ]
        case "sum" | "avg":
            return [pl.col("whole").sum(), pl.col("fraction").sum()]
        case "min":
            return [pl.col("value").min()]
        case "max":
            return [pl.col("value").max()]
        case _:
            return []


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
