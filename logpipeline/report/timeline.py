"""Panels by time: per hour, day or month, by the hour of the day and by the day of the week."""

from __future__ import annotations

import calendar
from datetime import datetime

import polars as pl

from logpipeline.report import charts
from logpipeline.report.charts import COLOURS, Unit
from logpipeline.report.layout import CLASSES, Hour, Intermediates
from logpipeline.report.panels import BYTES, REQUESTS, SHARE, Column, Panel, share
from logpipeline.report.queries import records

# No chart and no table is longer; the latest count.
MOST = 200
_HOURLY_DAYS = 5
_WEEKDAYS = tuple(calendar.day_abbr)
_CLASS_COLUMNS = tuple(Column(name, f"{digit}xx") for digit, name in enumerate(CLASSES, 1))
_CLASS_COLOURS = dict(zip((column.title for column in _CLASS_COLUMNS), COLOURS.values(), strict=True))
_FORMATS = {"hour": "%Y-%m-%d %H:00", "day": "%Y-%m-%d", "month": "%Y-%m"}
_REQUESTS = (pl.col("records") - pl.col("invalid")).alias("requests")


def unit_of(hours: pl.DataFrame) -> Unit:
    """Return what a span is divided into so that about a hundred parts are seen at once."""
    dates = hours.filter(pl.col("records") > pl.col("invalid"))["date"].drop_nulls().sort().to_list()
    days = (dates[-1] - dates[0]).days + 1 if dates else 0
    return "hour" if days <= _HOURLY_DAYS else "day" if days <= MOST else "month"


def start_of(unit: Unit) -> pl.Expr:
    """Return the beginning of the part that `date` and `hour` are in."""
    moment = pl.col("date").cast(pl.Datetime("ms")) + pl.duration(hours=pl.col("hour"))
    return moment.dt.truncate({"hour": "1h", "day": "1d", "month": "1mo"}[unit])


def written(moment: datetime, unit: Unit) -> str:
    """Return the beginning of a part as text."""
    # strftime writes a year below 1000 with fewer digits.
    return f"{moment.year:04}" + moment.strftime(_FORMATS[unit].removeprefix("%Y"))


def traffic(found: Intermediates) -> Panel:
    """Return the records over time, by the class of their status."""
    unit, parts = _parts(found)
    busiest = found["hours"].drop_nulls("date").sort("records", "date", "hour", descending=[True, False, False]).row(0)
    bars = [
        (row["at"], column.title, row[column.name])
        for row in parts.rows(named=True)
        for column in _CLASS_COLUMNS
        if row[column.name]
    ]
    return Panel(
        "traffic",
        f"Requests by {unit}",
        (_time(unit), Column("records", "Records"), Column("invalid", "Invalid"), *_CLASS_COLUMNS),
        [(written(at, unit), *row) for at, *row in parts.select("at", "records", "invalid", *CLASSES).rows()],
        "By the class of their status.",
        charts.over_time(f"Requests by {unit} and status class", unit, bars, _CLASS_COLOURS),
        records((busiest[:2], busiest[:2])),
    )


def bandwidth(found: Intermediates, hours: tuple[Hour, Hour]) -> Panel:
    """Return the bytes over time."""
    unit, parts = _parts(found)
    sizes = parts.filter(pl.col("requests") > 0).select("at", "bytes", each=pl.col("bytes") // pl.col("requests"))
    bars = [(at, "bytes", count) for at, count, _ in sizes.rows()]
    return Panel(
        "bandwidth",
        f"Bandwidth by {unit}",
        (_time(unit), BYTES, Column("mean", "Mean of a request", "bytes")),
        [(written(at, unit), *row) for at, *row in sizes.rows()],
        "Bytes that were sent, as the log has them.",
        charts.over_time(f"Bytes by {unit}", unit, bars, {"bytes": COLOURS["redirected"]}),
        records(hours, order="bytes DESC NULLS LAST"),
    )


def of_day(found: Intermediates, hours: tuple[Hour, Hour]) -> Panel:
    """Return the requests by the hour of the day."""
    by_hour = dict.fromkeys(range(24), (0, 0))
    by_hour |= {
        hour: (count, size)
        for hour, count, size in found["hours"]
        .drop_nulls("hour")
        .group_by("hour")
        .agg(_REQUESTS.sum(), pl.col("bytes").sum())
        .rows()
    }
    total = sum(count for count, _ in by_hour.values())
    rows = [(f"{hour:02}:00", count, size, share(count, total)) for hour, (count, size) in sorted(by_hour.items())]
    peak = max(by_hour, key=lambda hour: (by_hour[hour][0], -hour))
    return Panel(
        "hours",
        "By the hour of the day",
        (Column("hour", "Hour (UTC)", "moment"), REQUESTS, BYTES, SHARE),
        rows,
        f"The peak is at {peak:02}:00.",
        charts.by_name("Requests by the hour of the day", [(row[0][:2], row[1]) for row in rows]),
        records(hours, f"hour = {peak}"),
    )


def of_week(found: Intermediates, hours: tuple[Hour, Hour]) -> Panel:
    """Return the requests by the day of the week and the hour of the day."""
    weekday = pl.col("date").dt.weekday().cast(pl.Int32)
    known = found["hours"].drop_nulls("date").group_by(weekday, "hour").agg(_REQUESTS.sum())
    counts = {(day, hour): 0 for day in range(1, 8) for hour in range(24)}
    counts |= {(day, hour): count for day, hour, count in known.rows()}
    across = [f"{hour:02}" for hour in range(24)]
    fields = [(across[hour], _WEEKDAYS[day - 1], count) for (day, hour), count in counts.items()]
    day, hour = max(counts, key=lambda at: (counts[at], -at[0], -at[1]))
    return Panel(
        "week",
        "By the day of the week and the hour",
        (Column("weekday", "Day", "moment"), *(Column(name, name) for name in across)),
        [(_WEEKDAYS[day - 1], *(counts[day, hour] for hour in range(24))) for day in range(1, 8)],
        f"The stronger, the more requests; the peak is on {_WEEKDAYS[day - 1]} at {hour:02}:00 (UTC).",
        charts.heat_map("Requests by weekday and hour", fields, across, _WEEKDAYS),
        records(hours, f"isodow(date) = {day}", f"hour = {hour}"),
    )


def _parts(found: Intermediates) -> tuple[Unit, pl.DataFrame]:
    hours = found["hours"].drop_nulls("date")
    unit = unit_of(hours)
    measures = pl.col("records", "invalid", "bytes", *CLASSES).sum()
    return unit, hours.group_by(at=start_of(unit)).agg(measures, _REQUESTS.sum()).sort("at").tail(MOST)


def _time(unit: Unit) -> Column:
    return Column("time", f"{unit.capitalize()} (UTC)", "moment")
