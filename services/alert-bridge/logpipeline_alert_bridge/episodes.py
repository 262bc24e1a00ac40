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

    `key` holds the values of the fields that tell its alerts apart; `topic` identifies the result topic (see
    `TopicIds`), `partition` and `offset` are its place there.
    """

    goal: str
    key: Key
    start: int
    end: int
    value: float
    topic: str
    partition: int
    offset: int


@dataclass(frozen=True)
class Episode:
    """What is known of one run of detections.

    `first_start` and `last_end` span all its windows; `last_start` is where the newest of them begins. `peak` is the
    greatest value told and `windows` their number. `opened_at` and `closed_at` are moments of the wall clock,
    `closed_by` says why it was closed; the last two are None while it is open. `opened_at` tells the episodes of a key
    apart: a window that comes late can begin before `first_start`. `offsets` says, by partition of `topic`, up to where
    detections are in it, so that one that is read again changes nothing; offsets of another topic say nothing of this
    one. `topic` is empty in what former versions have kept. `reported` is the state that the webhook was last told.
    `keys`, of what is held back, is how many keys that is.
    """

    goal: str
    key: Key
    first_start: int
    last_start: int
    last_end: int
    peak: float
    windows: int
    opened_at: float
    topic: str = ""
    offsets: Mapping[int, int] = field(default_factory=dict)
    closed_at: float | None = None
    closed_by: str | None = None
    reported: str | None = None
    keys: int = 0

    @property
    def severity(self) -> tuple[float, int]:
        """By what the cap orders: the greatest value; of equal ones, as those of an early goal are, the windows."""
        return self.peak, self.windows

    @property
    def state(self) -> str:
        """`firing` or `resolved`, in the words of Alertmanager."""
        return "firing" if self.closed_at is None else "resolved"

    def has(self, detection: Detection) -> bool:
        """Whether the detection is in it already."""
        return detection.offset <= self.offsets_in(detection.topic).get(detection.partition, -1)

    def offsets_in(self, topic: str) -> Mapping[int, int]:
        """Return the offsets by partition of a topic, none of an unknown one."""
        return self.offsets if topic and topic == self.topic else {}

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
        topic=detection.topic,
        offsets={**(before.offsets_in(detection.topic) if before else {}), detection.partition: detection.offset},
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
        topic=detection.topic,
        offsets={**episode.offsets_in(detection.topic), detection.partition: detection.offset},
    )


def extended(episode: Episode | None, detection: Detection, gap: int, now: float) -> Episode | None:
    """Return the episode that the detection belongs to, given the last one of its key: that one with the detection in
    it, or the next. None when it belongs before the open one.
    """
    if episode is None or episode.closed_at is not None or episode.ends_before(detection, gap):
        return begun(detection, now, episode)
    return None if episode.begins_after(detection, gap) else merged(episode, detection)


def is_over(episode: Episode, watermark: float, gap: int) -> bool:
    """Whether no window can come any more that would belong to the episode, now that all that end by `watermark` are
    told.
    """
    return watermark >= episode.last_end + gap
