"""The ledger: every episode that someone may still have to be told of. Pure but for what it remembers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from logpipeline_alert_bridge.episodes import OVERFLOW, Detection, Episode, Key, begun, is_over, merged

BY_WATERMARK = "no further window can belong to it"
BY_SILENCE = "the goal tells nothing any more"
# Longer than the group_wait that Alertmanager is given by default (30 s): what is over before that is told to nobody.
LEAST_OPEN_SECONDS = 40.0

Name = tuple[str, Key]


class Outcome(StrEnum):
    """What became of a detection."""

    TAKEN = "taken"
    HELD_BACK = "held_back"
    OVERTAKEN = "overtaken"


@dataclass(frozen=True)
class Policy:
    """How a goal's detections become alerts: `gap` is slide and quiet period together, in seconds; `most_open` caps the
    alerts that are open at a time.
    """

    gap: int
    most_open: int


class Ledger:
    """Episodes by goal and key: open ones, and closed ones until they are forgotten."""

    def __init__(self, policies: Mapping[str, Policy], episodes: Iterable[Episode] = ()) -> None:
        self._policies = policies
        self._episodes: dict[Name, Episode] = {}
        self._open = dict.fromkeys(policies, 0)
        self._changed: set[Name] = set()
        for episode in episodes:
            # A goal that is gone has nobody who would close its episodes.
            if episode.goal in policies:
                self._put(episode)
            else:
                self._changed.add((episode.goal, episode.key))
        self._changed.difference_update(self._episodes)

    def __iter__(self) -> Iterator[Episode]:
        return iter(self._episodes.values())

    def open(self, goal: str) -> int:
        """Return how many episodes of a goal are open, what its cap holds back left out."""
        return self._open[goal]

    def has_open(self, goal: str) -> bool:
        """Return whether there is anything to close of a goal, what its cap holds back included."""
        return any(episode.goal == goal and episode.closed_at is None for episode in self)

    def changes(self) -> dict[Name, Episode | None]:
        """Return what has changed since this was last asked; None for what is forgotten."""
        changed, self._changed = self._changed, set()
        return {name: self._episodes.get(name) for name in changed}

    def take(self, detection: Detection, now: float) -> Outcome:
        """Take in a detection; `now` is the wall clock.

        HELD_BACK: too many alerts of its goal are open. OVERTAKEN: it belongs before the episode that its key is in.
        One that comes after that episode begins the next in its place, for the same labels cannot tell of two.
        """
        episode = self._episodes.get((detection.goal, detection.key))
        if episode is not None and episode.has(detection):
            return Outcome.TAKEN
        is_new = episode is None or episode.closed_at is not None
        if is_new and self._open[detection.goal] >= self._policies[detection.goal].most_open:
            everything_else = replace(detection, key=OVERFLOW)
            overflow = self._episodes.get((detection.goal, OVERFLOW))
            if overflow is None or not overflow.has(everything_else):
                self._extend(overflow, everything_else, now)
            return Outcome.HELD_BACK
        return self._extend(episode, detection, now)

    def _extend(self, episode: Episode | None, detection: Detection, now: float) -> Outcome:
        gap = self._policies[detection.goal].gap
        if episode is None or episode.closed_at is not None or episode.ends_before(detection, gap):
            self._put(begun(detection, now, episode))
        elif episode.begins_after(detection, gap):
            return Outcome.OVERTAKEN
        else:
            self._put(merged(episode, detection))
        return Outcome.TAKEN

    def close(self, goal: str, watermark: float | None, now: float) -> None:
        """Close what is over by the goal's watermark; without one (None) the goal is silent and all is closed."""
        gap = self._policies[goal].gap
        for episode in list(self):
            if episode.goal != goal or episode.closed_at is not None or now < episode.opened_at + LEAST_OPEN_SECONDS:
                continue
            if watermark is None or is_over(episode, watermark, gap):
                reason = BY_SILENCE if watermark is None else BY_WATERMARK
                self._put(replace(episode, closed_at=now, closed_by=reason))

    def reported(self, episode: Episode) -> None:
        """Note that the webhook was told the state of `episode`, unless another has begun since."""
        current = self._episodes.get((episode.goal, episode.key))
        if current is not None and current.opened_at == episode.opened_at:
            self._put(replace(current, reported=episode.state))

    def forget(self, closed_before: float, *, untold_before: float) -> None:
        """Forget what was closed before the first moment, or the second if the webhook has not been told of its end."""
        for name, episode in list(self._episodes.items()):
            limit = closed_before if episode.reported == episode.state else untold_before
            if episode.closed_at is not None and episode.closed_at < limit:
                del self._episodes[name]
                self._changed.add(name)

    def _put(self, episode: Episode) -> None:
        name = episode.goal, episode.key
        before = self._episodes.get(name)
        if episode.key != OVERFLOW:
            was_open = before is not None and before.closed_at is None
            self._open[episode.goal] += (episode.closed_at is None) - was_open
        self._episodes[name] = episode
        self._changed.add(name)
