"""Episodes: the windows of one key that belong together. Pure; moments are epoch seconds.

A goal tells of each window that passes its threshold, and hopping windows overlap, so one burst gives many detections.
An episode is a run of them in which each window begins at most `slide + quietPeriod` after the one before. It is over
when no such window can come any more: the goal's watermark has passed the end of the last one that could begin in time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

Key = tuple[str, ...]
OVERFLOW: Key = ()
"""The key of what the cap of a goal holds back: all of it is one episode."""


@dataclass(frozen=True)
class Detection:
    """A window of a goal that has passed the threshold.

    `key` holds the values of the fields that tell its alerts apart; `source` is the partition of the result topic and
    `offset` its place there.
    """

    goal: str
    key: Key
    start: int
    end: int
    value: float
    source: int
    offset: int


@dataclass(frozen=True)
class Episode:
    """What is known of one run of detections.

    `first_start` and `last_end` span all its windows; `last_start` is where the newest of them begins. `peak` is the
    greatest value told and `windows` their number. `opened_at` and `closed_at` are moments of the wall clock,
    `closed_by` says why it was closed; the last two are None while it is open. `opened_at` tells the episodes of a key
    apart: a window that comes late can begin before `first_start`. `offsets` says, by partition, up to where detections
    are in it, so that one that is read again changes nothing. `reported` is the state that the webhook was last told.
    """

    goal: str
    key: Key
    first_start: int
    last_start: int
    last_end: int
    peak: float
    windows: int
    opened_at: float
    offsets: Mapping[int, int] = field(default_factory=dict)
    closed_at: float | None = None
    closed_by: str | None = None
    reported: str | None = None

    @property
    def state(self) -> str:
        """`firing` or `resolved`, in the words of Alertmanager."""
        return "firing" if self.closed_at is None else "resolved"

    def has(self, detection: Detection) -> bool:
        """Whether the detection is in it already."""
        return detection.offset <= self.offsets.get(detection.source, -1)

    def ends_before(self, detection: Detection, gap: int) -> bool:
        """Whether the detection's window begins more than `gap` seconds after its last one."""
        return detection.start > self.last_start + gap

    def begins_after(self, detection: Detection, gap: int) -> bool:
        """Whether the detection's window begins more than `gap` seconds before its first one."""
        return detection.start < self.first_start - gap


def begun(detection: Detection, now: float, before: Episode | None = None) -> Episode:
    """Return the episode that a detection begins at `now`, by the wall clock; `before` is the last one of the key."""
    return Episode(
        detection.goal,
        detection.key,
        first_start=detection.start,
        last_start=detection.start,
        last_end=detection.end,
        peak=detection.value,
        windows=1,
        opened_at=now,
        offsets={**(before.offsets if before else {}), detection.source: detection.offset},
    )


def merged(episode: Episode, detection: Detection) -> Episode:
    """Return the episode with one more detection."""
    return replace(
        episode,
        first_start=min(episode.first_start, detection.start),
        last_start=max(episode.last_start, detection.start),
        last_end=max(episode.last_end, detection.end),
        peak=max(episode.peak, detection.value),
        windows=episode.windows + 1,
        offsets={**episode.offsets, detection.source: detection.offset},
    )


def is_over(episode: Episode, watermark: float, gap: int) -> bool:
    """Whether no window can come any more that would belong to the episode, now that all that end by `watermark` are
    told.
    """
    return watermark >= episode.last_end + gap
