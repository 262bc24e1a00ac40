"""What the goals have found in the span of a report, out of the lake's `results`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import cycle

import duckdb
import polars as pl

from logpipeline.report import charts
from logpipeline.report.charts import COLOURS, Unit
from logpipeline.report.layout import Hour
from logpipeline.report.panels import Column, Panel, text
from logpipeline.report.queries import literal
from logpipeline.report.timeline import MOST, start_of
from logpipeline.sql.reader import run

# A window belongs to the hour that it starts in; `date` leaves files unread.
_SPAN = (
    "goal IN (SELECT unnest($goals::VARCHAR[])) AND date BETWEEN $first AND $last "
    "AND (window_start::DATE, hour(window_start)) BETWEEN ($first, $first_hour) AND ($last, $last_hour)"
)
_BY_GOAL = (
    "SELECT goal, count(*), count(DISTINCT map_values(key)::VARCHAR), min(window_start), max(window_end), max(value), "  # noqa: S608
    "array_to_string(map_values(first(key ORDER BY value DESC, identity)), '|') "
    f"FROM results WHERE {_SPAN} GROUP BY goal ORDER BY goal"
)
_BY_HOUR = (
    "SELECT goal, window_start::DATE AS date, hour(window_start)::INTEGER AS hour, count(*) AS windows "  # noqa: S608
    f"FROM results WHERE {_SPAN} GROUP BY ALL ORDER BY ALL"
)


def detections(
    connection: duckdb.DuckDBPyConnection, goals: Sequence[str], hours: tuple[Hour, Hour], unit: Unit
) -> Panel:
    """Return the windows over the threshold of each of `goals` from the first to the last of `hours`, over time by
    `unit`.
    """
    (first, first_hour), (last, last_hour) = hours
    given = {"goals": list(goals), "first": first, "last": last, "first_hour": first_hour, "last_hour": last_hour}
    with run(connection, _BY_GOAL, None, given) as found:
        rows = [(*row[:3], _moment(row[3]), _moment(row[4]), *row[5:]) for row in found.fetchall()]
    with run(connection, _BY_HOUR, None, given) as found:
        windows = pl.DataFrame(found.to_arrow_table())
    series = windows.group_by("goal", at=start_of(unit)).agg(pl.col("windows").sum()).sort("at", "goal")
    latest = series["at"].unique().sort().tail(MOST)
    shown = series.filter(pl.col("at").is_in(latest.implode()))
    order = dict(zip(sorted(set(shown["goal"])), cycle(COLOURS.values()), strict=False))
    chart = charts.over_time("Detections over time", unit, shown.select("at", "goal", "windows").rows(), order)
    query = None
    if rows:
        dates = f"date BETWEEN DATE '{first}' AND DATE '{last}'"
        query = f"SELECT * FROM results WHERE goal = {literal(rows[0][0])} AND {dates} ORDER BY value DESC LIMIT 100"  # noqa: S608
    return Panel(
        "detections",
        "Detections",
        (
            text("goal", "Goal"),
            Column("windows", "Windows"),
            Column("keys", "Keys"),
            Column("first", "First", "moment"),
            Column("last", "Last", "moment"),
            Column("peak", "Peak", "number"),
            text("peak_key", "Of"),
        ),
        rows,
        "Windows over the threshold, as the goals have found them live." if rows else "The goals have found nothing.",
        chart if rows else None,
        query,
    )


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "seconds")
