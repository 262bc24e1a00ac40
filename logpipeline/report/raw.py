"""The rows of the lake's table `raw` that a report has not counted yet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

import duckdb
import polars as pl

from logpipeline.report.counting import READ
from logpipeline.report.layout import Hour
from logpipeline.sql.reader import delta_table, run
from logpipeline.store import delta_rs_options

PLACE = ("topic", "partition", "offset")
"""Where a row was on Kafka."""

MARKS = pl.Schema({"topic": pl.String(), "partition": pl.Int32(), "offset": pl.Int64(), "rows": pl.Int64()})
"""Up to which offset rows of each partition of a topic are counted, and how many rows that are."""

_ROWS = 100_000
_COLUMNS = ", ".join(f'raw."{column}"' for column in (*READ, *PLACE))
_MARKED = (
    "(SELECT unnest($hours::INTEGER[]) AS hour, unnest($topics::VARCHAR[]) AS topic, "
    "unnest($partitions::INTEGER[]) AS partition, unnest($offsets::BIGINT[]) AS mark) AS marks "
    "USING (hour, topic, partition)"
)
_NEW = (
    f"SELECT {_COLUMNS} FROM raw LEFT JOIN {_MARKED} "  # noqa: S608 - constants
    "WHERE date = $date AND hour BETWEEN $first AND $last AND hour IN (SELECT unnest($wanted::INTEGER[])) "
    'AND (mark IS NULL OR "offset" > mark)'
)
_COUNTED = (
    f"SELECT hour, topic, partition, count(*) FROM raw JOIN {_MARKED} "  # noqa: S608 - constants
    'WHERE date = $date AND hour BETWEEN $first AND $last AND "offset" <= mark GROUP BY ALL'
)


def rows_by_hour(uri: str, secret: Mapping[str, str]) -> dict[Hour, int]:
    """Return how many rows the table has of each hour, out of its log alone."""
    actions = pl.DataFrame(delta_table(uri, "raw", delta_rs_options(secret)).get_add_actions(flatten=True))
    if not actions.height:
        return {}
    hours = actions.group_by("partition.date", "partition.hour").agg(pl.col("num_records").cast(pl.Int64).sum())
    return {(day, int(hour)): rows for day, hour, rows in hours.rows()}


def new_rows(
    connection: duckdb.DuckDBPyConnection, day: date, marks: Mapping[int, pl.DataFrame]
) -> Iterator[tuple[int, pl.DataFrame]]:
    """Yield the rows of some hours of a day beyond the marks of each, as (hour, rows with the columns `READ` and
    `PLACE`).
    """
    # All hours at once: to find the files of one takes as long as to find those of all.
    with run(connection, _NEW, None, {**_given(day, marks), "wanted": sorted(marks)}) as result:
        for batch in result.to_arrow_reader(_ROWS):
            for (hour,), rows in pl.DataFrame(batch).partition_by("hour", as_dict=True).items():
                yield int(hour), rows


def topic_recreated(connection: duckdb.DuckDBPyConnection, day: date, marks: Mapping[int, pl.DataFrame]) -> set[int]:
    """Return the hours of which more rows lie below a mark than were counted: their topic was recreated."""
    marked = {hour: frame for hour, frame in marks.items() if frame.height}
    if not marked:
        return set()
    known = {(hour, *place): rows for hour, frame in marked.items() for *place, _, rows in frame.rows()}
    with run(connection, _COUNTED, None, _given(day, marked)) as result:
        return {hour for hour, *place, rows in result.fetchall() if rows > known[hour, *place]}


def marks_of(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the marks behind `rows`."""
    marks = rows.group_by("topic", "partition").agg(pl.col("offset").max(), rows=pl.len())
    return marks.select(pl.col(name).cast(kind) for name, kind in MARKS.items())


def later(*marks: pl.DataFrame) -> pl.DataFrame:
    """Return the marks behind the rows of all `marks`, each of rows of its own."""
    places = pl.concat(marks).group_by("topic", "partition")
    return places.agg(pl.col("offset").max(), pl.col("rows").sum()).sort("topic", "partition")


def _given(day: date, marks: Mapping[int, pl.DataFrame]) -> dict[str, Any]:
    """Return the parameters of a query."""
    flat = [(hour, *row) for hour, frame in marks.items() for row in frame.rows()]
    hours, topics, partitions, offsets = ([row[at] for row in flat] for at in range(4))
    given = {"hours": hours, "topics": topics, "partitions": partitions, "offsets": offsets}
    return {"date": day, "first": min(marks), "last": max(marks), **given}
