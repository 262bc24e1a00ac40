"""What only several looks tell: rates, whether a lag shrinks, for how long nothing has moved. Pure but for its memory.

Moments are in seconds of any steady clock.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from logpipeline_operator.observe.facts import KafkaFacts

_POINTS = 10


class Series:
    """A number over the last `seconds`, in a few points: there is one of them for each goal of each pipeline."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._points: deque[tuple[float, float]] = deque()
        self._newest: tuple[float, float] | None = None
        self._moved: float | None = None

    def add(self, now: float, value: float | None) -> None:
        """Take the number as it is at `now`; None, for unknown, is passed over."""
        if value is None:
            return
        if self._newest is None or value != self._newest[1]:
            self._moved = now
        self._newest = (now, value)
        if not self._points or now - self._points[-1][0] >= self._seconds / _POINTS:
            self._points.append(self._newest)
        while len(self._points) > 1 and now - self._points[1][0] >= self._seconds:
            self._points.popleft()

    def mark(self, now: float) -> None:
        """Take the number for moved at `now`."""
        self._moved = now

    def clear(self) -> None:
        """Forget all points."""
        self._points.clear()
        self._newest = self._moved = None

    @property
    def newest(self) -> float | None:
        """The last number."""
        return self._newest[1] if self._newest else None

    @property
    def span(self) -> float:
        """Seconds from the first point that counts to the last."""
        return self._newest[0] - self._points[0][0] if self._newest and self._points else 0.0

    @property
    def growth(self) -> float | None:
        """By how much the number has grown over the span; None before there are two points, or when it fell: then a
        counter began anew.
        """
        if self._newest is None or self.span <= 0:
            return None
        growth = self._newest[1] - self._points[0][1]
        if growth < 0:
            newest = self._newest
            self.clear()
            self.add(*newest)
            return None
        return growth

    @property
    def rate(self) -> float | None:
        """Growth a second; None until it is known."""
        growth = self.growth
        return None if growth is None else growth / self.span

    def still(self, now: float) -> float | None:
        """Return for how many seconds the number has not changed, as far as was seen; None when it is unknown."""
        return None if self._moved is None else now - self._moved

    def shrinks(self, least: float) -> bool | None:
        """Tell whether the number gets less: its lows are compared, for a lag goes up and down with each batch. None
        before `least` seconds were seen.
        """
        if self._newest is None or self.span < least:
            return None
        points = [*self._points, self._newest]
        middle = points[0][0] + self.span / 2
        before = min(value for moment, value in points if moment <= middle)
        after = min(value for moment, value in points if moment > middle)
        return after < before * 0.98


@dataclass(frozen=True)
class GoalSeries:
    """A goal's numbers: the sum of its offsets, and its lag."""

    offset: Series
    lag: Series


class Trends:
    """The memory of one pipeline's numbers."""

    RATE_SECONDS = 60.0
    LAG_SECONDS, LEAST_LAG_SECONDS = 180.0, 90.0
    SHARE_SECONDS, LEAST_RECORDS = 600.0, 100

    def __init__(self) -> None:
        self.records = Series(self.RATE_SECONDS)
        self._of_share = {name: Series(self.SHARE_SECONDS) for name in ("records", "invalid", "dead letters")}
        self._sink_lag = Series(self.LAG_SECONDS)
        self.lake_lag = Series(self.LAG_SECONDS)
        self._goals: dict[str, GoalSeries] = {}

    def add(self, now: float, kafka: KafkaFacts) -> None:
        """Take the brokers' numbers at `now`."""
        self.records.add(now, kafka.records)
        numbers = {"records": kafka.records, "invalid": kafka.invalid, "dead letters": kafka.dead_letters}
        for name, value in numbers.items():
            self._of_share[name].add(now, value)
        self._sink_lag.add(now, kafka.sink_lag)

    def add_goal(self, now: float, name: str, *, offset: int | None, lag: int | None) -> None:
        """Take a goal's numbers at `now`."""
        self._goal(name).offset.add(now, offset)
        self._goal(name).lag.add(now, lag)
        if not lag:
            self.rest(now, name)

    def rest(self, now: float, name: str) -> None:
        """Take note that a goal does nothing at `now`, for a good reason or one that is told otherwise."""
        self._goal(name).offset.mark(now)

    def _goal(self, name: str) -> GoalSeries:
        return self._goals.setdefault(name, GoalSeries(Series(self.RATE_SECONDS), Series(self.LAG_SECONDS)))

    def share(self, name: str) -> float | None:
        """Return which share of the newest records are `invalid` or `dead letters`, None when there are too few."""
        records, part = self._of_share["records"].growth, self._of_share[name].growth
        if records is None or part is None or records < self.LEAST_RECORDS:
            return None
        return min(1.0, part / records)

    def sink_catches_up(self) -> bool | None:
        """Tell whether the sink's lag shrinks or is gone."""
        return _catches_up(self._sink_lag, self.LEAST_LAG_SECONDS)

    def lake_catches_up(self) -> bool | None:
        """Return whether the lake's lag shrinks or is gone, None as long as it is unknown."""
        return _catches_up(self.lake_lag, self.LEAST_LAG_SECONDS)

    def goal_catches_up(self, name: str) -> bool | None:
        """Tell whether a goal's lag shrinks or is gone."""
        return _catches_up(self._goal(name).lag, self.LEAST_LAG_SECONDS)

    def goal_rate(self, name: str) -> float | None:
        """Return the records a second that a goal processes."""
        return self._goal(name).offset.rate

    def goal_still(self, name: str, now: float) -> float | None:
        """Return for how many seconds a goal has processed nothing although there was something."""
        return self._goal(name).offset.still(now)


def _catches_up(lag: Series, least: float) -> bool | None:
    return True if lag.newest == 0 else lag.shrinks(least)
