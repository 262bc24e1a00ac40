"""The watermark: how far event time is known to be complete.

Order exists only within a Kafka partition; how far the reader is in one partition against another is chance. So each
partition has its own clock and the slowest one counts, as in Flink
(https://nightlies.apache.org/flink/flink-docs-stable/docs/dev/datastream/event-time/generating_watermarks/): then what
is late does not depend on batches. A partition without valid records must not hold the others for ever. How long it has
had none is measured by Kafka's timestamps, not by the wall clock, so that a replay decides the same.

A timestamp may be the producer's own (`message.timestamp.type=CreateTime`) and wrong. So only differences of timestamps
of one partition count as time that has passed, and what a batch adds is at most the timeout: one wrong timestamp alone
makes no partition idle.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from logpipeline.kernel.windows import BEGINNING, END


@dataclass(frozen=True)
class Clock:
    """The newest times of one partition, epoch milliseconds: of its valid records' events (None: none yet), and of
    any record's arrival in Kafka.
    """

    event_ms: int | None
    arrival_ms: int

    def later(self, other: Clock) -> Clock:
        """Return the clock of both together."""
        events = [event for event in (self.event_ms, other.event_ms) if event is not None]
        return Clock(max(events, default=None), max(self.arrival_ms, other.arrival_ms))


@dataclass(frozen=True)
class Policy:
    """How the watermark follows the clocks. `partitions` are known to exist before their first record is read."""

    allowed_lateness_ms: int
    idle_timeout_ms: int
    partitions: int


@dataclass(frozen=True)
class Progress:
    """How far the stream is: the watermark in epoch seconds, the clock of each partition, and for how many milliseconds
    each has had no valid record; a partition that is not named has had one just now.

    From `since` (epoch seconds) on, nothing is missing: it is when the first valid record was or, where state has let
    go of cells, from when it holds all. END: nothing is known.
    """

    watermark: int = BEGINNING
    clocks: Mapping[int, Clock] = field(default_factory=dict)
    silent_ms: Mapping[int, int] = field(default_factory=dict)
    since: int = END


def earlier(since: int, first: int, watermark: int) -> int:
    """Return since when (epoch seconds) nothing is missing after a batch whose first valid record is of the second
    `first`, read at the watermark of the batches before. What is late does not count, and is no beginning.
    """
    return min(since, max(first, watermark))


def advance(progress: Progress, seen: Mapping[int, Clock], policy: Policy, first: int = END) -> Progress:
    """Return the progress after a batch that holds records of the partitions `seen`, the earliest valid one of the
    second `first` (END: none is valid); the watermark never goes back.

    A partition that is not in the batch was read to its end when the batch was planned, so the time that passed in the
    others has passed for it, too. One with nothing but invalid records goes by its own time, for it may be behind. It
    is idle after more than the idle timeout; until then its next record may be as old as its last.
    """
    if not seen:
        return progress
    clocks = dict(progress.clocks)
    passed = dict.fromkeys(seen, 0)
    for partition, clock in seen.items():
        if partition in clocks:
            clocks[partition] = clocks[partition].later(clock)
            step = clocks[partition].arrival_ms - progress.clocks[partition].arrival_ms
            passed[partition] = min(step, policy.idle_timeout_ms)
        else:
            clocks[partition] = clock
    elsewhere = max(passed.values())
    silent: dict[int, int] = {}
    for partition in {*clocks, *range(policy.partitions)}:
        if partition not in seen or seen[partition].event_ms is None:
            silent[partition] = progress.silent_ms.get(partition, 0) + passed.get(partition, elsewhere)
    holding = [
        clocks[partition].event_ms if partition in clocks else None
        for partition in {*clocks, *range(policy.partitions)}
        if silent.get(partition, 0) <= policy.idle_timeout_ms
    ]
    events = [event for event in holding if event is not None]
    watermark = progress.watermark
    if events and len(events) == len(holding):
        watermark = max(watermark, (min(events) - policy.allowed_lateness_ms) // 1000)
    return Progress(watermark, clocks, silent, earlier(progress.since, first, progress.watermark))


def to_json(progress: Progress) -> dict[str, Any]:
    """Return progress as JSON."""
    return {
        "watermark": progress.watermark,
        "clocks": [
            [partition, clock.event_ms, clock.arrival_ms] for partition, clock in sorted(progress.clocks.items())
        ],
        "silent": sorted(progress.silent_ms.items()),
        "since": progress.since,
        # An earlier version cannot go on from state without it.
        "started_ms": 0,
    }


def from_json(values: Mapping[str, Any]) -> Progress:
    """Return the progress that `to_json` wrote. Earlier versions wrote neither how long a partition had been silent nor
    since when nothing is missing.
    """
    clocks = {partition: Clock(event, arrival) for partition, event, arrival in values["clocks"]}
    now = max((clock.arrival_ms for clock in clocks.values()), default=0)
    silent = {partition: now - clock.arrival_ms for partition, clock in clocks.items()}
    silent = dict(values["silent"]) if "silent" in values else silent
    return Progress(values["watermark"], clocks, silent, values.get("since", END))
