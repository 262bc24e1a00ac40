"""The hours of a lake → intermediates: each row is counted once, and what is counted outlives the row.

An hour's file says up to which offset of each partition it has counted. Rows that came later are added to it; rows
that retention has taken away stay counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import groupby

import polars as pl

from logpipeline.errors import LogPipelineError
from logpipeline.report.counting import READ, counts
from logpipeline.report.layout import Hour, Intermediates
from logpipeline.report.merging import Sum
from logpipeline.report.raw import MARKS, later, marks_of, new_rows, rows_by_hour, topic_recreated
from logpipeline.report.store import Counted, DamagedError, Store
from logpipeline.sql.reader import Limits, open_lake

# Of each hour of a day; with more, what waits of all of them would take much memory.
_TOGETHER = 2
_HOUR = timedelta(hours=1)


class LakeHours:
    """The lake at `uri` by the hour; `secret` are the entries of the Secret of its store.

    `warnings` are lines for the user about what could not be read or kept. Raises LogPipelineError, as its methods do,
    where the lake cannot be read.
    """

    def __init__(self, uri: str, secret: Mapping[str, str]) -> None:
        self.warnings: list[str] = []
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
        """Yield the intermediates of each of `hours`, in order of their days; `done` is called with the rows that are
        accounted for.
        """
        for day, of_day in groupby(hours, key=lambda hour: hour[0]):
            stale: dict[int, Counted | None] = {}
            for hour in of_day:
                stored = self._read(hour)
                rows = self._rows.get(hour, 0)
                if rows and not (stored and stored.rows == rows):
                    stale[hour[1]] = stored
                    done(min(stored.rows, rows) if stored else 0)
                    continue
                if stored:
                    yield stored.intermediates
                done(rows)
            if stale:
                yield from self._brought_up(day, stale, done)

    def _read(self, hour: Hour) -> Counted | None:
        if hour not in self._stored:
            return None
        try:
            return self._store.read(hour)
        except DamagedError as error:
            if not self._rows.get(hour):
                self.warnings.append(f"{error}: is damaged and its records are gone: the hour is left out")
            return None

    def _brought_up(
        self, day: date, stored: Mapping[int, Counted | None], done: Callable[[int], None]
    ) -> Iterator[Intermediates]:
        """Yield what is stored of some hours of a day with all that is new, and keep it; all of an hour is new when its
        topic was recreated.
        """
        none = pl.DataFrame(schema=MARKS)
        marks = {hour: one.marks if one else none for hour, one in stored.items()}
        recreated = topic_recreated(self.connection, day, marks)
        marks |= dict.fromkeys(recreated, none)
        sums = {hour: Sum(together=_TOGETHER) for hour in stored}
        for hour, one in stored.items():
            if one and hour not in recreated:
                sums[hour].add(one.intermediates)
        counted = dict(marks)
        for hour, rows in new_rows(self.connection, day, marks):
            sums[hour].add(counts(rows.select(READ)))
            counted[hour] = later(counted[hour], marks_of(rows))
            done(rows.height)
        for hour, whole in sums.items():
            found = Counted(self._rows[day, hour], counted[hour], whole.result())
            self._keep((day, hour), found)
            yield found.intermediates

    def _keep(self, hour: Hour, counted: Counted) -> None:
        if not self._writable:
            return
        try:
            self._store.write(hour, counted)
        except LogPipelineError as error:
            # Who may only read the lake gets the report all the same.
            self._writable = False
            self.warnings.append(f"{error.message}: what was counted is not kept, and is counted again next time")


def hour_of(moment: datetime) -> Hour:
    """Return the date and the hour of a moment, UTC."""
    moment = moment.astimezone(UTC)
    return moment.date(), moment.hour


def before(first: datetime, last: datetime) -> tuple[datetime, datetime] | None:
    """Return the first and the last hour of the period before, which has as many hours; None where time begins."""
    hours = [_start_of(moment) for moment in (first, last)]
    length = hours[1] - hours[0] + _HOUR
    try:
        return hours[0] - length, hours[1] - length
    except OverflowError:
        return None


def hours_before(moment: datetime, count: int) -> tuple[datetime, datetime]:
    """Return the starts of the first and the last of the `count` full hours before `moment`, in UTC."""
    last = _start_of(moment) - _HOUR
    return last - (count - 1) * _HOUR, last


def _start_of(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
