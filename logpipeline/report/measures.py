"""Panels of numbers: how long requests took, how large answers were, what records lack and why some are invalid."""

from __future__ import annotations

import math

import polars as pl

from logpipeline.report import charts
from logpipeline.report.counting import ENDPOINT
from logpipeline.report.layout import HISTOGRAMS, Hour, Intermediates
from logpipeline.report.panels import Column, Panel, Row, first_key, folded, ranked, share, text, total_of
from logpipeline.report.queries import is_value, records
from logpipeline.report.sketches import QUANTILE_ERROR, quantiles, value_of

_QUANTILES = (0.5, 0.95, 0.99)
_TIMED = Column("timed", "Timed requests")
_MEAN, _MAX = Column("mean", "Mean", "seconds"), Column("max", "Max", "seconds")
_P = tuple(Column(f"p{share * 100:g}", f"p{share * 100:g}", "seconds") for share in _QUANTILES)
_ERROR = f"A quantile is at most {QUANTILE_ERROR:.0%} off."
# A quantile of fewer says nothing.
_ENOUGH = 10
_MICRO = 1_000_000


def of_measures(found: Intermediates, hours: tuple[Hour, Hour], most: int) -> list[Panel]:
    """Return the panels of what was measured."""
    timed: list[Panel] = []
    if found["durations"].height:
        timed = [_slowest(found, hours, most), _hosts(found, hours, most), _durations(found, hours)]
    return [*timed, _numbers(found, hours), _missing(found, hours), _invalid(found, hours, most)]


def _quantiles(histogram: pl.DataFrame) -> list[float]:
    return [value / _MICRO for value in quantiles(histogram, _QUANTILES)]


def _by_key(histograms: pl.DataFrame, key: str) -> dict[str, list[float]]:
    """Return the quantiles of each key that has enough requests."""
    groups = histograms.drop_nulls(key).partition_by(key, as_dict=True)
    return {str(name): _quantiles(rows) for (name,), rows in groups.items() if total_of(rows, "requests") >= _ENOUGH}


def _slowest(found: Intermediates, hours: tuple[Hour, Hour], most: int) -> Panel:
    of_endpoint = _by_key(found["durations_of_endpoint"], "endpoint")
    measured = found["endpoints"].select("endpoint", "timed", "microseconds", "slowest")
    rows: list[Row] = [
        (name, timed, total / timed / _MICRO, *of_endpoint[name], slowest / _MICRO)
        for name, timed, total, slowest in measured.rows()
        if name in of_endpoint
    ]
    rows.sort(key=lambda row: (-row[4], row[0]))
    slowest = first_key(rows)
    return Panel(
        "slowest",
        "Slowest endpoints",
        (text("endpoint", "Endpoint"), _TIMED, _MEAN, *_P, _MAX),
        rows[:most],
        f"By p95, of the {HISTOGRAMS:,} endpoints with most requests and at least {_ENOUGH} of them. "
        f"An endpoint is a path without its query. {_ERROR}",
        query=slowest
        and records(
            hours, is_value(f"regexp_extract(path, '{ENDPOINT}', 1)", slowest), order="request_time DESC NULLS LAST"
        ),
    )


def _hosts(found: Intermediates, hours: tuple[Hour, Hour], most: int) -> Panel:
    histograms = found["durations_of_host"]
    timed = dict(histograms.group_by("host").agg(pl.col("requests").sum()).rows())
    rows: list[Row] = [(name, timed[name], *three) for name, three in _by_key(histograms, "host").items()]
    rows.sort(key=lambda row: (-row[3], row[0]))
    slowest = first_key(rows)
    return Panel(
        "slowest_hosts",
        "Slowest hosts",
        (text("host", "Host"), _TIMED, *_P),
        rows[:most],
        f"By p95, of the {HISTOGRAMS:,} hosts with most requests and at least {_ENOUGH} of them. {_ERROR}",
        query=slowest and records(hours, is_value("host", slowest), order="request_time DESC NULLS LAST"),
    )


def _durations(found: Intermediates, hours: tuple[Hour, Hour]) -> Panel:
    histogram = found["durations"]
    ends = (1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000, 10_000_000, 30_000_000)
    values = [(value_of(bucket), count) for bucket, count in histogram.rows()]
    rows: list[Row] = []
    total, below = total_of(histogram, "requests"), -1.0
    for end in (*ends, math.inf):
        count = sum(count for value, count in values if below < value <= end)
        name = f"≤ {end / _MICRO:g} s" if end < math.inf else f"> {ends[-1] / _MICRO:g} s"
        rows.append((name, count, share(count, total)))
        below = end
    three = ", ".join(
        f"p{one * 100:g} {value:.3g} s" for one, value in zip(_QUANTILES, _quantiles(histogram), strict=True)
    )
    return Panel(
        "durations",
        "How long requests took",
        (text("time", "Time"), Column("requests", "Requests"), Column("share", "Share", "share")),
        rows,
        f"{three}. {_ERROR}",
        charts.by_name("Requests by how long they took", [(row[0], row[1]) for row in rows]),
        records(hours, order="request_time DESC NULLS LAST"),
    )


def _numbers(found: Intermediates, hours: tuple[Hour, Hour]) -> Panel:
    rows: list[Row] = []
    for name, count, total, squares, unusable, least, greatest in found["numbers"].rows():
        scale = _MICRO if name == "request_time" else 1
        if count:
            # In whole numbers to the last step: the difference of two large ones would be lost.
            deviation = math.sqrt((count * squares - total * total) / (count * count)) / scale
            ends = (least, greatest) if scale == 1 else (least / scale, greatest / scale)
            rows.append((name, count, unusable, *ends, total / count / scale, deviation))
        else:
            rows.append((name, 0, unusable, None, None, None, None))
    return Panel(
        "numbers",
        "Numbers",
        (
            text("column", "Column"),
            Column("count", "Count"),
            Column("unusable", "Unusable"),
            Column("min", "Min", "number"),
            Column("max", "Max", "number"),
            Column("mean", "Mean", "number"),
            Column("deviation", "Standard deviation", "number"),
        ),
        rows,
        "Of bytes and, in seconds, of the request time. Unusable are negative numbers, those of more than 128 TiB, and "
        "those of more than four years.",
        query=records(hours, order="bytes DESC NULLS LAST"),
    )


def _missing(found: Intermediates, hours: tuple[Hour, Hour]) -> Panel:
    valid = total_of(found["hours"], "records") - total_of(found["hours"], "invalid")
    ordered = found["missing"].sort("requests", "column", descending=[True, False])
    rows = [(column, count, share(count, valid)) for column, count in ordered.rows()]
    column = first_key(rows)
    return Panel(
        "missing",
        "Missing values",
        (text("column", "Column"), Column("requests", "Requests"), Column("share", "Share", "share")),
        rows,
        "Of valid records.",
        query=column and records(hours, "invalid IS NULL", f"{column} IS NULL"),
    )


def _invalid(found: Intermediates, hours: tuple[Hour, Hour], most: int) -> Panel:
    rows = ranked(found["invalid"], ("reason",), ("records",), most)
    return Panel(
        "invalid",
        "Invalid records",
        (text("reason", "Reason"), Column("records", "Records"), Column("share", "Share", "share")),
        rows,
        folded(found, "invalid"),
        query=records(hours, is_value("invalid", first_key(rows))) if rows else None,
    )
