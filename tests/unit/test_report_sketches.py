"""The errors that a report states are those that its sketches have."""

from __future__ import annotations

import random

import polars as pl
import pytest

from logpipeline.report.layout import SMALLEST
from logpipeline.report.sketches import DISTINCT_ERROR, QUANTILE_ERROR, bucket, distinct, hashes, quantiles


@pytest.mark.parametrize("count", [0, 1, SMALLEST - 1])
def test_few_values_are_counted_exactly(count: int) -> None:
    assert distinct(sorted(hashes(pl.Series([f"10.0.{n}" for n in range(count)], dtype=pl.String)))) == count


@pytest.mark.parametrize("seed", range(5))
def test_many_values_are_counted_within_the_error(seed: int) -> None:
    values = pl.Series([f"{seed}.{n}" for n in range(50_000)])
    smallest = hashes(values).sort().head(SMALLEST).to_list()
    # 99.99 % of such estimates are within four standard errors; the hashes are the same each time.
    assert distinct(smallest) == pytest.approx(50_000, rel=4 * DISTINCT_ERROR)


def test_hashes_are_those_of_every_process() -> None:
    assert hashes(pl.Series(["10.0.0.1", "é"])).to_list() == [6021020536128996326, 14635220546840893743]


@pytest.mark.parametrize("spread", [0.5, 2.0])
@pytest.mark.parametrize("share", [0.0, 0.5, 0.95, 0.99, 1.0])
def test_a_quantile_is_within_its_error(spread: float, share: float) -> None:
    chance = random.Random(3)
    values = sorted(round(chance.lognormvariate(11, spread)) for _ in range(50_000))
    histogram = pl.DataFrame({"value": values}).group_by(bucket=bucket(pl.col("value"))).agg(requests=pl.len())
    exact = values[int(share * (len(values) - 1))]
    assert quantiles(histogram, [share])[0] == pytest.approx(exact, rel=QUANTILE_ERROR * (1 + 1e-9))


def test_nought_is_a_value() -> None:
    histogram = pl.DataFrame({"value": [0, 0, 1]}).group_by(bucket=bucket(pl.col("value"))).agg(requests=pl.len())
    assert quantiles(histogram, [0.5, 1]) == [0, pytest.approx(1, rel=QUANTILE_ERROR)]
