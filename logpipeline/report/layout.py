"""The intermediates of a report: which frames there are, what they count by, and how two of them are merged.

All measures are integers, so that no order of merging changes a digit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl

# Of another layout no stored hour can be read; see `store`.
VERSION = 1
# What a client chooses (paths, agents, …) is as varied as it likes; so many keys are kept, the heaviest.
KEYS = 20_000
# A key with a histogram has up to 1,400 rows.
HISTOGRAMS = 1_000
# Twenty years.
HOURS = 175_000
DAYS = 2_000
# Of a distinct count: so many of the smallest hashes; see `sketches`.
SMALLEST = 1024

Hour = tuple[date, int]
"""A date and an hour of it, UTC."""

Intermediates = Mapping[str, pl.DataFrame]
"""A frame by its name in a `Layout`, sorted by its keys."""


@dataclass(frozen=True)
class Frame:
    """A frame of intermediates. `keys` are its key columns and `sums` its additive ones, by type; `least` and
    `greatest` are what merging takes the lesser and the greater of.

    At most `bound` distinct values of the columns `folded` are kept, those with the largest sum of `weight`; the others
    become one, null. `smallest` is how many of the values of the last key are kept of each of the others.
    """

    keys: Mapping[str, pl.DataType]
    sums: tuple[str, ...] = ("requests",)
    least: tuple[str, ...] = ()
    greatest: tuple[str, ...] = ()
    folded: tuple[str, ...] = ()
    bound: int = KEYS
    smallest: int | None = None

    def schema(self) -> dict[str, pl.DataType]:
        """Return the types of its columns, in order."""
        sums = {name: _WIDE if name in _WIDE_SUMS else pl.Int64() for name in self.sums}
        return {**self.keys, **sums, **dict.fromkeys((*self.least, *self.greatest), pl.Int64())}


Layout = Mapping[str, Frame]
"""The frames by name."""

_TEXT, _WIDE = pl.String(), pl.Int128()
# A sum of 64 bits may overflow: the numbers are what a client or a broken server wrote.
_WIDE_SUMS = frozenset({"bytes", "total", "squares", "microseconds"})


def _by(*keys: str, sums: tuple[str, ...] = ("requests", "bytes"), greatest: tuple[str, ...] = ()) -> Frame:
    return Frame(dict.fromkeys(keys, _TEXT), sums, greatest=greatest, folded=keys)


CLASSES = ("informational", "successful", "redirected", "client_errors", "server_errors")
"""Requests by the first digit of their status, 1 to 5."""

_DURATION = {"bucket": pl.Int32()}

LAYOUT: Layout = {
    "hours": Frame(
        {"date": pl.Date(), "hour": pl.Int32()},
        ("records", "invalid", "bytes", *CLASSES),
        folded=("date", "hour"),
        bound=HOURS,
    ),
    "seconds": Frame({"second": pl.Datetime("ms")}, folded=("second",)),
    "clients_of_day": Frame(
        {"date": pl.Date(), "hash": pl.UInt64()}, (), folded=("date",), bound=DAYS, smallest=SMALLEST
    ),
    "span": Frame({}, (), least=("first",), greatest=("last",)),
    "invalid": _by("reason", sums=("records",)),
    "missing": _by("column", sums=("requests",)),
    "numbers": Frame({"column": _TEXT}, ("count", "total", "squares", "unusable"), ("least",), ("greatest",)),
    "paths": _by("path"),
    "endpoints": _by("endpoint", sums=("requests", "bytes", "timed", "microseconds"), greatest=("slowest",)),
    "not_found": _by("path", "host", sums=("requests",)),
    "types": _by("extension"),
    "clients": _by("client_ip", sums=("requests", "bytes", "errors")),
    "agents": _by("user_agent"),
    "hosts": _by("host", sums=("requests", "bytes", *CLASSES[3:])),
    "referrers": _by("referrer"),
    "sites": _by("site"),
    "countries": _by("country"),
    "statuses": Frame({"status": pl.Int32()}, ("records", "bytes"), folded=("status",)),
    "methods": _by("method", "protocol"),
    "durations": Frame(_DURATION),
    "durations_of_endpoint": Frame({"endpoint": _TEXT, **_DURATION}, folded=("endpoint",), bound=HISTOGRAMS),
    "durations_of_host": Frame({"host": _TEXT, **_DURATION}, folded=("host",), bound=HISTOGRAMS),
    # By how much, at most, folding has made the numbers of a key of a frame too small.
    "folds": Frame({"frame": _TEXT}, ("at_most",)),
}
