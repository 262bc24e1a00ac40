"""Results of a rule → detections, and the detections of two rules against each other. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson
import polars as pl

from logpipeline.results import read_result
from logpipeline.rules import Rule

WINDOWS = {"key": pl.String, "start": pl.Int64, "end": pl.Int64, "value": pl.Float64}
_BLOCK = 100_000


@dataclass(frozen=True)
class Difference:
    """What two rules find: detections of one alone, those that B finds so many `seconds` later than A (fewer than 0:
    earlier), and how many are the same to the second.

    Frames have the columns of `detections`; `moved` has `key`, `known_a`, `known_b`, `seconds`, `peak_a`, `peak_b`.
    """

    only_a: pl.DataFrame
    only_b: pl.DataFrame
    moved: pl.DataFrame
    same: int


def read_windows(path: Path, rule: Rule) -> pl.DataFrame:
    """Return the windows that a backtest has written for `rule`: `WINDOWS`, the key as a JSON list of its values."""
    parts = [pl.DataFrame(block, WINDOWS, orient="row") for block in _blocks(path, rule)]
    return pl.concat(parts) if parts else pl.DataFrame(schema=WINDOWS)


def _blocks(path: Path, rule: Rule) -> Iterator[list[tuple[str, int, int, float]]]:
    block: list[tuple[str, int, int, float]] = []
    with path.open("rb") as lines:
        for line in lines:
            found = read_result(rule, line)
            block.append((orjson.dumps(found.key).decode(), found.start, found.end, found.value))
            if len(block) == _BLOCK:
                yield block
                block = []
    if block:
        yield block


def detections(windows: pl.DataFrame, gap: int) -> pl.DataFrame:
    """Return the detections that windows of a rule with `having` make: those of a key of which each begins at most
    `gap` seconds after the one before are one.

    Columns: `key`; `first`, where the first window begins; `known`, where it ends: then the rule has found it; `last`,
    where the last one ends; `windows`, their number; `peak`, the greatest value.
    """
    ordered = windows.sort("key", "start")
    since = pl.col("start") - pl.col("start").shift().over("key")
    return (
        ordered.with_columns(begins=since.is_null() | (since > gap))
        .with_columns(number=pl.col("begins").cum_sum())
        .group_by("number", maintain_order=True)
        .agg(
            key=pl.col("key").first(),
            first=pl.col("start").first(),
            known=pl.col("end").first(),
            last=pl.col("end").last(),
            windows=pl.len(),
            peak=pl.col("value").max(),
        )
        .drop("number")
    )


def compare(a: pl.DataFrame, b: pl.DataFrame) -> Difference:
    """Return how the detections `b` differ from `a`: two of one key that overlap are of the same matter.

    Where one of A overlaps several of B, or the other way round, the first of them counts.
    """
    left = a.with_row_index("a")
    right = b.with_row_index("b").rename({name: f"{name}_b" for name in b.columns})
    pairs = left.join_where(
        right,
        pl.col("key") == pl.col("key_b"),
        pl.col("first") < pl.col("last_b"),
        pl.col("first_b") < pl.col("last"),
    )
    first = pairs.sort("known", "known_b").unique("a", keep="first").sort("known", "known_b").unique("b", keep="first")
    moved = first.select(
        "key",
        known_a="known",
        known_b="known_b",
        seconds=pl.col("known_b") - pl.col("known"),
        peak_a="peak",
        peak_b="peak_b",
    )
    apart = moved.filter(pl.col("seconds") != 0).sort("seconds", "known_a", "key")
    return Difference(
        only_a=left.filter(~pl.col("a").is_in(pairs["a"].implode())).drop("a"),
        only_b=b.with_row_index("b").filter(~pl.col("b").is_in(pairs["b"].implode())).drop("b"),
        moved=apart,
        same=moved.height - apart.height,
    )


@dataclass(frozen=True)
class MetricDifference:
    """What two metrics give: windows of one alone, and those of both whose value differs (`key`, `start`, `value_a`,
    `value_b`, the greatest difference first).
    """

    only_a: int
    only_b: int
    changed: pl.DataFrame
    same: int


def compare_metric(a: pl.DataFrame, b: pl.DataFrame) -> MetricDifference:
    """Return how the windows `b` of a metric differ from `a`."""
    both = a.join(b, on=["key", "start"], how="inner", suffix="_b")
    changed = both.filter(pl.col("value") != pl.col("value_b")).select(
        "key", "start", value_a="value", value_b="value_b"
    )
    apart = (pl.col("value_b") - pl.col("value_a")).abs()
    return MetricDifference(
        only_a=a.height - both.height,
        only_b=b.height - both.height,
        changed=changed.sort(apart, "start", "key", descending=[True, False, False]),
        same=both.height - changed.height,
    )
