"""Paces on a clock of their own."""

from __future__ import annotations

import pytest

from logpipeline.errors import LogPipelineError
from logpipeline_generator.pacing import Burst, OwnTimes, Pace, Rate, Unpaced, line_time


class Clock:
    now = 50.0

    def __call__(self) -> float:
        return self.now


def released(pace: Pace, clock: Clock, seconds: int) -> list[int]:
    """How many of endless lines go in each second, asked ten times a second."""
    counts = []
    for _ in range(seconds):
        counts.append(0)
        for _ in range(10):
            counts[-1] += pace.due([b"x"] * 10_000)
            clock.now += 0.1
    return counts


def test_unpaced_lets_everything_go() -> None:
    assert Unpaced().due([b"a", b"b"]) == 2


def test_rate() -> None:
    clock = Clock()
    assert released(Rate(100, clock=clock), clock, 3) == pytest.approx([91, 100, 100], abs=1)


def test_a_burst_multiplies_the_rate_for_its_time() -> None:
    clock = Clock()
    pace = Rate(100, Burst(factor=10, seconds=2, start=3), clock)
    assert released(pace, clock, 7) == pytest.approx([91, 100, 100, 910, 1000, 190, 100], abs=2)


def test_a_rate_makes_up_for_a_pause() -> None:
    clock = Clock()
    pace = Rate(100, clock=clock)
    released(pace, clock, 1)
    clock.now += 5
    assert released(pace, clock, 2) == pytest.approx([600, 100], abs=1)


def test_own_times_are_kept_at_a_speed() -> None:
    clock = Clock()
    pace = OwnTimes(10.0, clock)
    lines = [b'{"@timestamp":"%d.5"}' % second for second in (1000, 1010, 1005, 1031)]
    assert pace.due(lines) == 1
    clock.now += 0.99
    assert pace.due(lines[1:]) == 0
    clock.now += 0.02
    assert pace.due(lines[1:]) == 2, "what goes back in time is not held"
    clock.now += 2
    assert pace.due(lines[3:]) == 0
    clock.now += 0.1
    assert pace.due(lines[3:]) == 1


def test_own_times_need_a_time_in_some_line() -> None:
    pace = OwnTimes(1.0, Clock())
    assert pace.due([b"no time"] * 999) == 999
    with pytest.raises(LogPipelineError, match="none of the first 1,000 lines has a time"):
        pace.due([b"no time"])


@pytest.mark.parametrize(
    ("line", "seconds"),
    [
        (b'{"@timestamp":"1659509511.865323","x":1}', 1659509511.865323),
        (b'{"@timestamp" : 1659509511}', 1659509511.0),
        (b'{"@timestamp":"2022-08-03T06:51:51Z"}', 1659509511.0),
        (b'83.149.9.216 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 1', 1431857103.0),
        (b'83.149.9.216 - - [17/May/2015:12:05:03 +0200] "GET / HTTP/1.1" 200 1', 1431857103.0),
        (b'168.178.113.108 - - [2004-05-18 05:58:48] "GET / HTTP/1.0" 500 14101', 1084859928.0),
        (b'192.0.2.1 - - [2004-05-18T07:58:48+02:00] "GET / HTTP/1.0" 500 14101', 1084859928.0),
        (b'{"@timestamp":"yesterday"}', None),
        (b"[99/May/2015:10:05:03 +0000]", None),
        (b"", None),
    ],
)
def test_the_time_of_a_line(line: bytes, seconds: float | None) -> None:
    assert line_time(line) == seconds
