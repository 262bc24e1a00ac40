"""Distinct counts and quantiles out of what can be merged without loss, each with its error.

- Distinct values: the k smallest of their 64-bit hashes (Bar-Yossef et al., 2002; Beyer et al., SIGMOD 2007).
- Quantiles: a histogram whose buckets grow by a constant factor, as DDSketch's (Masson et al., VLDB 2019).
"""

from __future__ import annotations

import hashlib
import math
from bisect import bisect_right
from collections.abc import Sequence

import polars as pl

from logpipeline.report.layout import SMALLEST

_HASHES = 2**64
DISTINCT_ERROR = 1 / math.sqrt(SMALLEST - 2)
"""The relative standard error of a distinct count of more than `SMALLEST` values; fewer are counted exactly."""

QUANTILE_ERROR = 0.01
"""By how much of itself a quantile is off, at most."""

_GAMMA = (1 + QUANTILE_ERROR) / (1 - QUANTILE_ERROR)
# The bucket of 0, which has no logarithm; 1 is in bucket 0.
_ZERO = -1


def hashes(values: pl.Series) -> pl.Series:
    """Return the hash of each text, the same in every process."""
    digests = (hashlib.blake2b(value.encode(), digest_size=8).digest() for value in values)
    return pl.Series("hash", [int.from_bytes(digest, "big") for digest in digests], pl.UInt64)


def distinct(smallest: Sequence[int]) -> int:
    """Return how many values there are, of the `SMALLEST` smallest of their hashes, sorted, or of all if there are
    fewer.
    """
    if len(smallest) < SMALLEST:
        return len(smallest)
    return round((SMALLEST - 1) * _HASHES / (smallest[SMALLEST - 1] + 1))


def bucket(value: pl.Expr) -> pl.Expr:
    """Return the bucket of an integer from 0 on."""
    logarithm = (value.log() / math.log(_GAMMA)).ceil()
    return pl.when(value > 0).then(logarithm).otherwise(_ZERO).cast(pl.Int32)


def quantiles(histogram: pl.DataFrame, shares: Sequence[float]) -> list[float]:
    """Return the values that each of `shares` of the values are at most, within `QUANTILE_ERROR`. `histogram` has
    `bucket` and `requests`, and a row at least.
    """
    ordered = histogram.sort("bucket")
    buckets, ranks = ordered["bucket"].to_list(), ordered["requests"].cum_sum().to_list()
    return [value_of(buckets[bisect_right(ranks, math.floor(share * (ranks[-1] - 1)))]) for share in shares]


def value_of(number: int) -> float:
    """Return the value that is no more than `QUANTILE_ERROR` from any in a bucket."""
    return 0.0 if number == _ZERO else 2 * _GAMMA**number / (_GAMMA + 1)
