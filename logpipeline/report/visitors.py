"""Distinct clients: of all, of each day, and those first seen on it."""

from __future__ import annotations

from datetime import date

import polars as pl

from logpipeline.report import charts
from logpipeline.report.charts import COLOURS
from logpipeline.report.layout import SMALLEST, Hour, Intermediates
from logpipeline.report.panels import REQUESTS, Column, Panel
from logpipeline.report.queries import records
from logpipeline.report.sketches import DISTINCT_ERROR, distinct
from logpipeline.report.timeline import MOST

_SERIES = {"first seen": COLOURS["successful"], "seen before": COLOURS["redirected"]}


def visitors(found: Intermediates, hours: tuple[Hour, Hour]) -> Panel:
    """Return the distinct clients of each day, and how many of them were on no earlier one."""
    requests = dict(found["hours"].group_by("date").agg(pl.col("records").sum() - pl.col("invalid").sum()).rows())
    sketch = found["clients_of_day"].drop_nulls("date").group_by("date").agg("hash").sort("date")
    clients = {day: distinct(sorted(hashes)) for day, hashes in sketch.rows()}
    # Both are estimates, each with an error of its own.
    new = {day: min(count, clients[day]) for day, count in first_seen(found).items()}
    rows = [(day, requests.get(day, 0), count, new.get(day, 0)) for day, count in clients.items()][-MOST:]
    bars = [
        (day, name, n) for day, _, all_, first in rows for name, n in zip(_SERIES, (first, all_ - first), strict=True)
    ]
    return Panel(
        "visitors",
        "Clients by day",
        (Column("day", "Day (UTC)", "moment"), REQUESTS, Column("clients", "Clients"), Column("new", "First seen")),
        [(day.isoformat(), *row) for day, *row in rows],
        "A client is an address. It is first seen on the first day of this report that has a request of it. "
        f"Up to {SMALLEST - 1:,} of a day are counted exactly, more with a standard error of {DISTINCT_ERROR:.1%}.",
        charts.over_time("Distinct clients by day", "day", bars, _SERIES),
        records(hours, order="client_ip, event_time"),
    )


def all_clients(found: Intermediates) -> int:
    """Return how many distinct clients there are."""
    return distinct(found["clients_of_day"]["hash"].unique().sort().head(SMALLEST).to_list())


def first_seen(found: Intermediates) -> dict[date, int]:
    """Return how many clients were first seen on each day.

    The smallest hashes of all clients are a sample of them, and each is among the smallest of every day it was there.
    """
    days = found["clients_of_day"].drop_nulls("date").group_by("hash").agg(pl.col("date").min())
    sample = days.sort("hash").head(SMALLEST)
    each = all_clients(found) / max(sample.height, 1)
    first = {day: round(count * each) for day, count in sample.group_by("date").len().sort("date").rows()}
    if first:
        # Nobody was there before.
        earliest = min(first)
        of_it = found["clients_of_day"].filter(pl.col("date") == earliest)["hash"]
        first[earliest] = distinct(of_it.sort().to_list())
    return first
