"""Rows of the lake's `raw` table, wherever they come from → intermediates. Pure."""

from __future__ import annotations

import polars as pl

from logpipeline.api.source import COLUMNS
from logpipeline.keys import LONGEST, shortened
from logpipeline.report.layout import CLASSES, LAYOUT, Intermediates, Layout
from logpipeline.report.merging import grouped, merge, typed
from logpipeline.report.sketches import bucket, hashes

READ = ("event_time", "date", "hour", "invalid", *COLUMNS)
"""The columns of `raw` that are counted."""

# What no answer has: 128 TiB, four years. The sum of eight thousand million of their squares is one of 128 bits.
_TOO_LARGE = 2**47
_KEYS = ("client_ip", "method", "path", "protocol", "host", "country", "referrer", "user_agent", "invalid")
# What is taken out of a path or a referrer; the queries that a report shows take out the same.
ENDPOINT = r"^([^?#]*)"
EXTENSION = r"/[^/]+\.([A-Za-z0-9]{1,8})$"
SITE = r"^[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#@]*@)?([^/?#]+)"
_ONE = pl.lit(1, pl.Int64)


def counts(rows: pl.DataFrame, layout: Layout = LAYOUT) -> Intermediates:
    """Return the intermediates of `rows`, which have the columns `READ` of the lake's table `raw`.

    Records that are not valid count by their reason, their hour and their status, 999; nothing else of them is used.
    """
    rows = rows.with_columns(_short(rows, column) for column in _KEYS)
    valid = rows.filter(pl.col("invalid").is_null())
    unread = valid.select(COLUMNS)
    valid = valid.with_columns(
        _usable(pl.col("bytes")).cast(pl.Int128),
        microseconds=_usable((pl.col("request_time") * 1_000_000).round()).cast(pl.Int128),
        endpoint=pl.col("path").str.extract(ENDPOINT),
        requests=_ONE,
        **{name: (pl.col("status") // 100 == digit).cast(pl.Int64) for digit, name in enumerate(CLASSES, 1)},
    )
    parts = _of_all(rows, valid) | _of_keys(valid, layout) | _of_times(valid) | {"missing": _missing(unread)}
    numbers = [_numbers(unread, valid, *names) for names in (("bytes", "bytes"), ("request_time", "microseconds"))]
    parts |= {"numbers": pl.concat(numbers), "folds": pl.DataFrame(schema=layout["folds"].schema())}
    return merge([{name: typed(parts[name], frame) for name, frame in layout.items()}], layout)


def _short(rows: pl.DataFrame, column: str) -> pl.Series:
    values = rows[column]
    long = (values.str.len_bytes() > LONGEST).fill_null(value=False).arg_true()
    if not long.len():
        return values
    return values.scatter(long, [shortened(value) for value in values.gather(long)])


def _usable(number: pl.Expr) -> pl.Expr:
    return pl.when(number.is_between(0, _TOO_LARGE)).then(number)


def _of_all(rows: pl.DataFrame, valid: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Return the frames that are by time, and those that count every record."""
    of_hour = ("date", "hour")
    invalid = rows.filter(pl.col("invalid").is_not_null())
    hours = [
        valid.select(*of_hour, "bytes", *CLASSES, records=_ONE, invalid=pl.lit(0, pl.Int64)),
        invalid.select(*of_hour, records=_ONE, invalid=_ONE),
    ]
    days = valid.select("date", "client_ip").drop_nulls().unique()
    moments = valid.select(pl.col("event_time").dt.epoch("ms"))
    return {
        "hours": pl.concat(hours, how="diagonal"),
        "seconds": valid.select(second=pl.col("event_time").dt.truncate("1s"), requests="requests"),
        "clients_of_day": days.with_columns(hashes(days["client_ip"])).select("date", "hash"),
        "span": moments.select(first="event_time", last="event_time"),
        "invalid": invalid.select(reason="invalid", records=_ONE),
        "statuses": pl.concat([valid.select("status", "bytes"), invalid.select("status", bytes=pl.lit(0, pl.Int128))])
        .drop_nulls("status")
        .select("status", "bytes", records=_ONE),
    }


def _of_keys(valid: pl.DataFrame, layout: Layout) -> dict[str, pl.DataFrame]:
    """Return the frames by what a request says of itself."""
    both = ("requests", "bytes")
    endpoints = valid.drop_nulls("endpoint").select(
        "endpoint", *both, "microseconds", timed=pl.col("microseconds").is_not_null(), slowest="microseconds"
    )
    endpoints = grouped(typed(endpoints, layout["endpoints"]), layout["endpoints"])
    referrers = grouped(valid.drop_nulls("referrer").select("referrer", *both), layout["referrers"])
    missing = pl.col("path").fill_null(""), pl.col("host").fill_null("")
    protocols = pl.col("method").fill_null(""), pl.col("protocol").fill_null("")
    return {
        "paths": valid.drop_nulls("path").select("path", *both),
        "endpoints": endpoints,
        "not_found": valid.filter(pl.col("status") == 404).select(*missing, "requests"),
        "types": endpoints.select(
            *both, extension=pl.col("endpoint").str.extract(EXTENSION).str.to_lowercase().fill_null("")
        ),
        "clients": valid.drop_nulls("client_ip").select(
            "client_ip", *both, errors=pl.sum_horizontal("client_errors", "server_errors")
        ),
        "agents": valid.drop_nulls("user_agent").select("user_agent", *both),
        "hosts": valid.drop_nulls("host").select("host", *both, *CLASSES[3:]),
        "referrers": referrers,
        "sites": referrers.select(*both, site=pl.col("referrer").str.extract(SITE).str.to_lowercase()).drop_nulls(
            "site"
        ),
        "countries": valid.drop_nulls("country").select("country", *both),
        "methods": valid.select(*protocols, *both),
    }


def _of_times(valid: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Return the histograms of how long requests took."""
    timed = valid.drop_nulls("microseconds")
    timed = timed.select("endpoint", "host", "requests", bucket=bucket(pl.col("microseconds").cast(pl.Float64)))
    return {
        "durations": timed.select("bucket", "requests"),
        "durations_of_endpoint": timed.drop_nulls("endpoint").select("endpoint", "bucket", "requests"),
        "durations_of_host": timed.drop_nulls("host").select("host", "bucket", "requests"),
    }


def _missing(unread: pl.DataFrame) -> pl.DataFrame:
    lacking = {"column": COLUMNS, "requests": [unread[column].null_count() for column in COLUMNS]}
    return pl.DataFrame(lacking).filter(pl.col("requests") > 0)


def _numbers(unread: pl.DataFrame, valid: pl.DataFrame, column: str, usable: str) -> pl.DataFrame:
    number = pl.col(usable)
    unusable = valid[usable].null_count() - unread[column].null_count()
    return valid.select(
        column=pl.lit(column),
        count=number.count().cast(pl.Int64),
        total=number.sum(),
        squares=(number * number).sum(),
        unusable=pl.lit(unusable, pl.Int64),
        least=number.min().cast(pl.Int64),
        greatest=number.max().cast(pl.Int64),
    )
