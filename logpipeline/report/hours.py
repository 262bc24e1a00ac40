"""The hours of a lake → intermediates: each row is counted once, and what is counted outlives the row.

An hour's file says up to which offset of each partition it has counted. Rows that came later are added to it; rows
that retention has taken away stay counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import polars as pl

from logpipeline.errors import LogPipelineError
from logpipeline.lake.store import delta_rs_options
from logpipeline.report.counting import READ, counts
from logpipeline.report.layout import Hour, Intermediates
from logpipeline.report.merging import merge, merged
from logpipeline.report.store import MARKS, Counted, DamagedError, Store
from logpipeline.sql.reader import Limits, delta_table, open_lake, run

_ROWS = 100_000
_COLUMNS = ", ".join(f'raw."{column}"' for column in (*READ, "topic", "partition", "offset"))
_MARKS = (
    "SELECT unnest($topics::VARCHAR[]) AS topic, unnest($partitions::INTEGER[]) AS partition, "
    "unnest($offsets::BIGINT[]) AS mark"
)
_NEW = (
    f"SELECT {_COLUMNS} FROM raw LEFT JOIN ({_MARKS}) AS marks USING (topic, partition) "  # noqa: S608 - constants
    'WHERE date = $date AND hour = $hour AND (mark IS NULL OR "offset" > mark)'
)
_COUNTED = (
    f"SELECT topic, partition, count(*) FROM raw JOIN ({_MARKS}) AS marks USING (topic, partition) "  # noqa: S608
    'WHERE date = $date AND hour = $hour AND "offset" <= mark GROUP BY ALL'
)


class LakeHours:
    """The lake at `uri` by the hour; `secret` are the entries of the Secret of its store.

    `warnings` are lines for the user about what could not be read or kept. Raises LogPipelineError, as its methods do,
    where the lake cannot be read.
    """

    def __init__(self, uri: str, secret: Mapping[str, str]) -> None:
        self.warnings: list[str] = []
        self._uri = uri
        self._rows = rows_by_hour(uri, secret)
        self._store = Store(uri, secret)
        self._stored = self._store.hours()
        self._writable = True
        # In one thread rows come in the same order each time.
        self.connection = open_lake(uri, Limits(threads=1), secret)

    def between(self, first: datetime, last: datetime) -> list[Hour]:
        """Return the hours from that of `first` to that of `last` that there is anything of, in order."""
        ends = hour_of(first), hour_of(last)
        return sorted(hour for hour in self._stored | self._rows.keys() if ends[0] <= hour <= ends[1])

    def size(self, hours: Sequence[Hour]) -> int:
        """Return how many rows the table has of `hours`."""
        return sum(self._rows.get(hour, 0) for hour in hours)

    def parts(self, hours: Sequence[Hour], done: Callable[[int], None]) -> Iterator[Intermediates]:
        """Yield the intermediates of each of `hours`; `done` is told of the rows that are accounted for."""
        for hour in hours:
            counted = self._counted(hour)
            if counted is not None:
                yield counted.intermediates
            done(self._rows.get(hour, 0))

    def _counted(self, hour: Hour) -> Counted | None:
        rows, stored = self._rows.get(hour, 0), None
        if hour in self._stored:
            try:
                stored = self._store.read(hour)
            except DamagedError as error:
                if not rows:
                    self.warnings.append(f"{error}: is damaged and its records are gone: the hour is left out")
                    return None
        if stored and (not rows or stored.rows == rows):
            return stored
        counted = self._brought_up(hour, rows, stored)
        self._keep(hour, counted)
        return counted

    def _brought_up(self, hour: Hour, rows: int, stored: Counted | None) -> Counted:
        """Return what is stored with all that is new, or all of the hour when its offsets began anew."""
        if stored and self._began_anew(hour, stored.marks):
            stored = None
        marks = [stored.marks if stored else pl.DataFrame(schema=MARKS)]
        found = merged(_parts_of(self._new(hour, marks[0]), marks))
        intermediates = merge([stored.intermediates, found]) if stored else found
        return Counted(rows, _together(marks), intermediates)

    def _began_anew(self, hour: Hour, marks: pl.DataFrame) -> bool:
        """Whether a topic was made anew: rows lie below an offset up to which fewer were counted."""
        known = {(topic, partition): rows for topic, partition, _, rows in marks.rows()}
        with self._run(_COUNTED, hour, marks) as result:
            return any(rows > known[topic, partition] for topic, partition, rows in result.fetchall())

    def _new(self, hour: Hour, marks: pl.DataFrame) -> Iterator[pl.DataFrame]:
        with self._run(_NEW, hour, marks) as result:
            for batch in result.to_arrow_reader(_ROWS):
                yield pl.DataFrame(batch)

    @contextmanager
    def _run(self, query: str, hour: Hour, marks: pl.DataFrame) -> Iterator[duckdb.DuckDBPyRelation]:
        names = {"topics": "topic", "partitions": "partition", "offsets": "offset"}
        values: dict[str, Any] = {name: marks[column].to_list() for name, column in names.items()}
        with run(self.connection, query, None, {"date": hour[0], "hour": hour[1], **values}) as result:
            yield result

    def _keep(self, hour: Hour, counted: Counted) -> None:
        if not self._writable:
            return
        try:
            self._store.write(hour, counted)
        except LogPipelineError as error:
            # Who may only read the lake gets the report all the same.
            self._writable = False
            self.warnings.append(f"{error.message}: what was counted is not kept, and is counted again next time")


def _parts_of(batches: Iterator[pl.DataFrame], marks: list[pl.DataFrame]) -> Iterator[Intermediates]:
    for rows in batches:
        places = rows.group_by("topic", "partition").agg(pl.col("offset").max(), rows=pl.len())
        marks.append(places.select(pl.col(name).cast(kind) for name, kind in MARKS.items()))
        yield counts(rows.select(READ))


def _together(marks: Sequence[pl.DataFrame]) -> pl.DataFrame:
    places = pl.concat(marks).group_by("topic", "partition")
    return places.agg(pl.col("offset").max(), pl.col("rows").sum()).sort("topic", "partition")


def rows_by_hour(uri: str, secret: Mapping[str, str]) -> dict[Hour, int]:
    """Return how many rows the table `raw` has of each hour, out of its log alone."""
    actions = pl.DataFrame(delta_table(uri, "raw", delta_rs_options(secret)).get_add_actions(flatten=True))
    if not actions.height:
        return {}
    hours = actions.group_by("partition.date", "partition.hour").agg(pl.col("num_records").cast(pl.Int64).sum())
    return {(date, int(hour)): rows for date, hour, rows in hours.rows()}


def hour_of(moment: datetime) -> Hour:
    """Return the date and the hour of a moment, UTC."""
    moment = moment.astimezone(UTC)
    return moment.date(), moment.hour


def before(first: datetime, last: datetime) -> tuple[datetime, datetime] | None:
    """Return the first and the last hour of the period before, which has as many hours; None where time begins."""
    hours = [moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0) for moment in (first, last)]
    length = hours[1] - hours[0] + timedelta(hours=1)
    try:
        return hours[0] - length, hours[1] - length
    except OverflowError:
        return None
