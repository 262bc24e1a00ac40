"""The watermark: how far event time is known to be complete.

Order exists only within a Kafka partition; how far the reader is in one partition against another is chance. So each
partition has its own clock and the slowest one counts, as in Flink
(https://nightlies.apache.org/flink/flink-docs-stable/docs/dev/datastream/event-time/generating_watermarks/): then what
is late does not depend on batches. A partition without records must not hold the others for ever; whether it is idle is
told by Kafka's timestamps, not by the wall clock, so that a replay decides the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from logpipeline.kernel.windows import BEGINNING


@dataclass(frozen=True)
class Clock:
    """The newest times of one partition, epoch milliseconds: of its valid records' events (None: none yet), and of
    arrival in Kafka.
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
    """How far the stream is: the watermark in epoch seconds, the clock of each partition, the arrival of the first
    record.
    """

    watermark: int = BEGINNING
    clocks: Mapping[int, Clock] = field(default_factory=dict)
    started_ms: int = 0


def advance(progress: Progress, seen: Mapping[int, Clock], policy: Policy) -> Progress:
    """Return the progress after a batch that holds records of the partitions `seen`; the watermark never goes back.

    A partition that is not in the batch was read to its end when the batch was planned. It is idle once the others have
    gone on for longer than the idle timeout; until then its next record may be as old as its last.
    """
    if not seen:
        return progress
    clocks = dict(progress.clocks)
    for partition, clock in seen.items():
        clocks[partition] = clocks[partition].later(clock) if partition in clocks else clock
    started = progress.started_ms if progress.clocks else min(clock.arrival_ms for clock in seen.values())
    now = max(clock.arrival_ms for clock in clocks.values())
    holding: list[int | None] = []
    for partition in {*clocks, *range(policy.partitions)}:
        known = clocks.get(partition, Clock(None, started))
        active = partition in seen and known.event_ms is not None
        if active or now - known.arrival_ms <= policy.idle_timeout_ms:
            holding.append(known.event_ms)
    events = [event for event in holding if event is not None]
    watermark = progress.watermark
    if events and len(events) == len(holding):
        watermark = max(watermark, (min(events) - policy.allowed_lateness_ms) // 1000)
    return Progress(watermark, clocks, started)
