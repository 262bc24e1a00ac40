"""When the lines of a file may go: at once, at a rate with a burst in it, or at the pace of their own timestamps."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from logpipeline.errors import LogPipelineError

Clock = Callable[[], float]


class Pace(Protocol):
    """Says how many of the next lines may go now."""

    def due(self, lines: Sequence[bytes]) -> int:
        """How many of `lines`, the next ones to be sent, are due; they count as sent from then on."""


class Unpaced:
    """Everything is due."""

    def due(self, lines: Sequence[bytes]) -> int:
        """All of them."""
        return len(lines)


@dataclass(frozen=True)
class Burst:
    """A stretch of time in which the rate is multiplied."""

    factor: float
    seconds: float
    start: float
    """Seconds after the first line."""

    def added(self, elapsed: float) -> float:
        """Seconds' worth of plain rate that the burst has added after `elapsed` seconds."""
        return (self.factor - 1) * min(max(elapsed - self.start, 0.0), self.seconds)


class Rate:
    """Lines a second, on average since the first one: what a pause held up follows as fast as it can."""

    def __init__(self, lines_per_second: float, burst: Burst | None = None, clock: Clock = time.monotonic) -> None:
        self._rate, self._burst, self._clock = lines_per_second, burst, clock
        self._start: float | None = None
        self._released = 0

    def due(self, lines: Sequence[bytes]) -> int:
        """As many as the time since the first line allows."""
        now = self._clock()
        if self._start is None:
            self._start = now
        elapsed = now - self._start
        plain = elapsed + (self._burst.added(elapsed) if self._burst else 0.0)
        count = max(0, min(len(lines), 1 + int(plain * self._rate) - self._released))
        self._released += count
        return count


class OwnTimes:
    """As far apart as the timestamps say, divided by `speed`; a line that has none, or is older, is not held."""

    GIVE_UP_LINES = 1_000

    def __init__(self, speed: float, clock: Clock = time.monotonic) -> None:
        self._speed, self._clock = speed, clock
        self._start: float | None = None
        self._first = 0.0
        self._without_time = 0

    def due(self, lines: Sequence[bytes]) -> int:
        """All up to the first whose time has not come."""
        now = self._clock()
        for index, line in enumerate(lines):
            seconds = line_time(line)
            if seconds is None:
                self._without_time += self._start is None
                if self._without_time >= self.GIVE_UP_LINES:
                    raise LogPipelineError(
                        f'--speed: none of the first {self.GIVE_UP_LINES:,} lines has a time ("@timestamp" in JSON, or '
                        "[day/month/year:time zone]); use --rate instead"
                    )
            elif self._start is None:
                self._start, self._first = now, seconds
            elif (seconds - self._first) / self._speed > now - self._start:
                return index
        return len(lines)


_JSON_TIME = re.compile(rb'"@timestamp"\s*:\s*(?:"([^"]*)"|([0-9.eE+]+))')
_ISO_TIME = re.compile(rb"\[(\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?)\]")
_CLF_TIME = re.compile(rb"\[(\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\]")


def line_time(line: bytes) -> float | None:
    """Epoch seconds of a line: JSON's `@timestamp` (number or ISO 8601) or the `[…]` of an access log; None without."""
    found = _JSON_TIME.search(line)
    try:
        if found:
            text = (found[1] or found[2]).decode()
            return float(text) if text[:1].isdigit() and "T" not in text else datetime.fromisoformat(text).timestamp()
        if found := _ISO_TIME.search(line):
            time = datetime.fromisoformat(found[1].decode())
            return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
        found = _CLF_TIME.search(line)
        return datetime.strptime(found[1].decode(), "%d/%b/%Y:%H:%M:%S %z").timestamp() if found else None
    except ValueError:
        return None
