"""Times as logs write them → epoch seconds.

TimestampFormat.java reads the same ones, and tests/data/record_vectors.json holds both to them.
"""

from __future__ import annotations

import polars as pl

# ISO 8601 and what is written for it: a blank for the T, a comma before the fraction (log4j, Python), an offset of
# hours alone, no seconds, no offset for UTC.
_ISO = (
    r"^ *([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}:[0-9]{2})(:[0-9]{2}(?:[.,][0-9]{1,9})?)?"
    r" *(?:Z|z|UTC|([+-][0-9]{2})(?::?([0-9]{2}))?)? *$"
)


def clf_seconds(text: pl.Expr) -> pl.Expr:
    """Return the epoch seconds of times such as 03/Aug/2022:10:21:51 +0330; null where there is none."""
    moment = text.str.to_datetime("%d/%b/%Y:%H:%M:%S %z", strict=False, time_zone="UTC")
    return moment.dt.epoch("us") / 1_000_000


def line_seconds(text: pl.Expr) -> pl.Expr:
    """Return the epoch seconds of the times in lines of an access log: as in the common log format, or with the date of
    ISO 8601, as servers that were told to and archives that were converted write it. Null where there is none.
    """
    return text.map_batches(_line_seconds, return_dtype=pl.Float64)


def _line_seconds(text: pl.Series) -> pl.Series:
    found = text.to_frame("text").select(clf_seconds(pl.col("text"))).to_series()
    open_ = (found.is_null() & text.is_not_null()).arg_true()
    return found.scatter(open_, _iso_seconds(text[open_])) if len(open_) else found


def iso_seconds(text: pl.Expr) -> pl.Expr:
    """Return the epoch seconds, with fraction, of times in ISO 8601 (UTC without an offset); null where there is
    none.
    """
    return text.map_batches(_iso_seconds, return_dtype=pl.Float64)


def _iso_seconds(text: pl.Series) -> pl.Series:
    """Try the usual ways of writing first, which are much faster to read."""
    shaped = text.set(~text.str.contains(_ISO), None)
    found = shaped.str.to_datetime("%+", strict=False, time_zone="UTC")
    for read in (_without_offset, _canonical):
        open_ = (found.is_null() & shaped.is_not_null()).arg_true()
        if not len(open_):
            break
        found = found.scatter(open_, read(shaped[open_]))
    return found.dt.epoch("us") / 1_000_000


def _without_offset(text: pl.Series) -> pl.Series:
    local = text.str.replace(" ", "T", literal=True).str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", strict=False)
    return local.dt.replace_time_zone("UTC")


def _canonical(text: pl.Series) -> pl.Series:
    parts = pl.DataFrame({"parts": text.str.extract_groups(_ISO)}).unnest("parts")
    written = parts.select(
        pl.concat_str(
            pl.col("1"),
            pl.lit("T"),
            pl.col("2"),
            pl.col("3").str.replace(",", ".", literal=True).fill_null(":00"),
            pl.col("4").fill_null("+00"),
            pl.lit(":"),
            pl.col("5").fill_null("00"),
        )
    ).to_series()
    return written.str.to_datetime("%+", strict=False, time_zone="UTC")
