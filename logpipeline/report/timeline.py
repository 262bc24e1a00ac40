"""Panels by time: per hour, day or month, by the hour of the day and the day of the week, and clients day by day."""

from __future__ import annotations

import calendar
from datetime import date, datetime

import polars as pl

from logpipeline.report import charts
from logpipeline.report.charts import COLOURS, Unit
from logpipeline.report.layout import CLASSES, SMALLEST, Intermediates
from logpipeline.report.panels import BYTES, REQUESTS, SHARE, Column, Panel, share, text
from logpipeline.report.queries import records
from logpipeline.report.sketches import DISTINCT_ERROR, distinct
from logpipeline.report.store import Hour

# No chart and no table is longer; the latest count.
MOST = 200
_HOURLY_DAYS = 5
_WEEKDAYS = tuple(calendar.day_abbr)
_TITLES = ("1xx", "2xx", "3xx", "4xx", "5xx")
_FORMATS = {"hour": "%Y-%m-%d %H:00", "day": "%Y-%m-%d", "month": "%Y-%m"}
_CLIENTS = Column("clients", "Clients")
_NEW = Column("new", "First seen")


def unit_of(hours: pl.DataFrame) -> Unit:
    """Return what a span is divided into so that about a hundred parts are seen at once."""
    dates = hours["date"].drop_nulls()
    days = (dates.max() - dates.min()).days + 1 if len(dates) else 0  # type: ignore[operator]
    return "hour" if days <= _HOURLY_DAYS else "day" if days <= MOST else "month"


def start_of(unit: Unit) -> pl.Expr:
    """Return the beginning of the part that `date` and `hour` are in."""
    moment = pl.col("date").cast(pl.Datetime("ms")) + pl.duration(hours=pl.col("hour"))
    return moment.dt.truncate({"hour": "1h", "day": "1d", "month": "1mo"}[unit])


def written(moment: datetime, unit: Unit) -> str:
    """Return the beginning of a part as text."""
    # strftime writes a year below 1000 with fewer digits.
    return f"{moment.year:04}" + moment.strftime(_FORMATS[unit].removeprefix("%Y"))


def traffic(found: Intermediates, hours: tuple[Hour, Hour]) -> list[Panel]:
    """Return requests by status class and bytes, over time."""
    unit = unit_of(found["hours"])
    parts = (
        found["hours"]
        .drop_nulls("date")
        .group_by(at=start_of(unit))
        .agg(pl.col("records", "invalid", "bytes", *CLASSES).sum())
        .sort("at")
        .tail(MOST)
    )
    busiest = found["hours"].drop_nulls("date").sort("records", "date", "hour", descending=[True, False, False]).row(0)
    query = records((busiest[:2], busiest[:2]))
    classes = [
        (at, title, n) for at, *ns in parts.select("at", *CLASSES).rows() for title, n in zip(_TITLES, ns, strict=True)
    ]
    at = text("time", f"{unit.capitalize()} (UTC)")
    rows = parts.select("at", "records", "invalid", *CLASSES).rows()
    sizes = parts.select("at", "bytes", each=pl.col("bytes") // (pl.col("records") - pl.col("invalid")).clip(1)).rows()
    order = dict(zip(_TITLES, COLOURS.values(), strict=True))
    counts = (Column("records", "Records"), Column("invalid", "Invalid"), *map(Column, CLASSES, _TITLES))
    return [
        Panel(
            "traffic",
            f"Requests by {unit}",
            (at, *counts),
            [(written(row[0], unit), *row[1:]) for row in rows],
            "By the class of their status.",
            charts.over_time(f"Requests by {unit} and status class", unit, classes, order),
            query,
        ),
        Panel(
            "bandwidth",
            f"Bandwidth by {unit}",
            (at, BYTES, Column("mean", "Mean of a request", "bytes")),
            [(written(row[0], unit), *row[1:]) for row in sizes],
            "Bytes that were sent, as the log has them.",
            charts.over_time(
                f"Bytes by {unit}", unit, [(row[0], "bytes", row[1]) for row in sizes], {"bytes": COLOURS["redirected"]}
            ),
            records(hours, order="bytes DESC NULLS LAST"),
        ),
    ]


def visitors(found: Intermediates, hours: tuple[Hour, Hour]) -> Panel:
    """Return the distinct clients of each day, and how many of them were not there on an earlier one."""
    sketch = found["clients_of_day"].drop_nulls("date")
    clients = sketch.group_by("date").agg("hash").sort("date")
    new = dict(first_seen(found))
    requests = dict(found["hours"].group_by("date").agg(pl.col("records").sum() - pl.col("invalid").sum()).rows())
    rows = [(day, requests.get(day, 0), distinct(sorted(hashes)), new.get(day, 0)) for day, hashes in clients.rows()]
    rows = [(day, sent, max(count, first), first) for day, sent, count, first in rows[-MOST:]]
    series = [
        (row[0], name, n) for row in rows for name, n in (("first seen", row[3]), ("seen before", row[2] - row[3]))
    ]
    return Panel(
        "visitors",
        "Clients by day",
        (text("day", "Day (UTC)"), REQUESTS, _CLIENTS, _NEW),
        [(row[0].isoformat(), *row[1:]) for row in rows],
        "A client is an address. It is first seen on the first day of this report that has a request of it. "
        f"Up to {SMALLEST - 1:,} of a day are counted exactly, more with a standard error of {DISTINCT_ERROR:.1%}.",
        charts.over_time(
            "Distinct clients by day",
            "day",
            series,
            {"first seen": COLOURS["successful"], "seen before": COLOURS["redirected"]},
        ),
        records(hours, order="client_ip, event_time"),
    )


def all_clients(found: Intermediates) -> int:
    """Return how many distinct clients there are."""
    return distinct(found["clients_of_day"]["hash"].unique().sort().head(SMALLEST).to_list())


def first_seen(found: Intermediates) -> list[tuple[date, int]]:
    """Return how many clients were first seen on each day: of a sample of all clients the days are known exactly."""
    days = found["clients_of_day"].drop_nulls("date").group_by("hash").agg(pl.col("date").min())
    sample = days.sort("hash").head(SMALLEST)
    each = all_clients(found) / max(sample.height, 1)
    return [(day, round(count * each)) for day, count in sample.group_by("date").len().sort("date").rows()]


def of_day(found: Intermediates, hours: tuple[Hour, Hour]) -> Panel:
    """Return the records by the hour of the day."""
    counts = dict(found["hours"].group_by("hour").agg(pl.col("records").sum()).rows())
    sizes = dict(found["hours"].group_by("hour").agg(pl.col("bytes").sum()).rows())
    total = sum(counts.values())
    rows = [
        (f"{hour:02}:00", counts.get(hour, 0), sizes.get(hour, 0), share(counts.get(hour, 0), total))
        for hour in range(24)
    ]
    peak = max(range(24), key=lambda hour: (counts.get(hour, 0), -hour))
    return Panel(
        "hours",
        "By the hour of the day",
        (text("hour", "Hour (UTC)"), Column("records", "Records"), BYTES, SHARE),
        rows,
        f"The peak is at {peak:02}:00.",
        charts.by_name("Records by the hour of the day", [(row[0][:2], row[1]) for row in rows]),
        records(hours, f"hour = {peak}"),
    )


def of_week(found: Intermediates, hours: tuple[Hour, Hour]) -> Panel:
    """Return the records by the day of the week and the hour of the day."""
    known = found["hours"].drop_nulls("date").group_by(day=pl.col("date").dt.weekday(), hour="hour")
    counts = {(day, hour): records for day, hour, records in known.agg(pl.col("records").sum()).rows()}
    cells = [(day, hour, counts.get((day, hour), 0)) for day in range(1, 8) for hour in range(24)]
    across = [f"{hour:02}" for hour in range(24)]
    rows = [(_WEEKDAYS[day - 1], *(counts.get((day, hour), 0) for hour in range(24))) for day in range(1, 8)]
    peak = max(cells, key=lambda cell: (cell[2], -cell[0], -cell[1]))
    return Panel(
        "week",
        "By the day of the week and the hour",
        (text("weekday", "Day"), *(Column(hour, hour) for hour in across)),
        rows,
        f"The stronger, the more records; the peak is on {_WEEKDAYS[peak[0] - 1]} at {peak[1]:02}:00 (UTC).",
        charts.heat_map(
            "Records by weekday and hour", [(f"{h:02}", _WEEKDAYS[d - 1], n) for d, h, n in cells], across, _WEEKDAYS
        ),
        records(hours, f"isodow(date) = {peak[0]}", f"hour = {peak[1]}"),
    )
