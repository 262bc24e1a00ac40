"""The ledger: every episode that someone may still have to be told of. Pure but for what it remembers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from logpipeline_alert_bridge.episodes import OVERFLOW, Detection, Episode, Key, extended, is_over

BY_WATERMARK = "no further window can belong to it"
BY_SILENCE = "the goal tells nothing any more"
BY_CAP = "alert.maxOpen: an alert with a greater value takes its place"
# Longer than the group_wait that Alertmanager is given by default (30 s): what is over before that is told to nobody.
LEAST_OPEN_SECONDS = 40.0
MOST_HELD_BACK = 500
"""So many keys of a goal that its cap holds back are remembered one by one, those with the greatest values."""

Name = tuple[str, Key]


class Outcome(StrEnum):
    """What became of a detection."""

    TAKEN = "taken"
    HELD_BACK = "held_back"
    OVERTAKEN = "overtaken"


@dataclass(frozen=True)
class Policy:
    """How a goal's detections become alerts: `gap` is slide and quiet period together, in seconds; `most_open` caps the
    alerts that are open at a time, to those with the greatest values.
    """

    gap: int
    most_open: int


class Ledger:
    """Episodes by goal and key: open ones, and closed ones until they are forgotten.

    What the cap holds back is also known by key, in memory only: it lets a key that grows take its place among the open
    alerts. After a restart it starts from the next window.
    """

    def __init__(self, policies: Mapping[str, Policy], episodes: Iterable[Episode] = ()) -> None:
        self._policies = policies
        self._episodes: dict[Name, Episode] = {}
        self._open: dict[str, set[Key]] = {goal: set() for goal in policies}
        # The least severe open episode of a goal, until one of its open episodes changes.
        self._least: dict[str, Episode] = {}
        self._held_back: dict[str, dict[Key, Episode]] = {goal: {} for goal in policies}
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
        return len(self._open[goal])

    def has_open(self, goal: str) -> bool:
        """Return whether there is anything to close of a goal, what its cap holds back included."""
        return any(episode.goal == goal and episode.closed_at is None for episode in self)

    def changes(self) -> dict[Name, Episode | None]:
        """Return what has changed since this was last asked; None for what is forgotten."""
        changed, self._changed = self._changed, set()
        return {name: self._episodes.get(name) for name in changed}

    def take(self, detection: Detection, now: float) -> Outcome:
        """Take in a detection; `now` is the wall clock.

        HELD_BACK: so many alerts of its goal are open as may be, all of them at least as severe. OVERTAKEN: it belongs
        before the episode that its key is in. One that comes after that episode begins the next in its place, for the
        same labels cannot stand for two.
        """
        known = self._episodes.get((detection.goal, detection.key))
        if known is not None and known.has(detection):
            return Outcome.TAKEN
        if known is not None and known.closed_at is None:
            return self._extend(known, detection, now)
        held_back = self._held_back[detection.goal]
        waiting = held_back.get(detection.key)
        if waiting is not None and waiting.has(detection):
            return Outcome.HELD_BACK
        candidate = extended(waiting or known, detection, self._policies[detection.goal].gap, now)
        if candidate is None:
            return Outcome.OVERTAKEN
        if not self._make_room(candidate, now):
            self._hold_back(candidate, detection, now)
            return Outcome.HELD_BACK
        held_back.pop(detection.key, None)
        self._put(replace(candidate, opened_at=now))
        return Outcome.TAKEN

    def _make_room(self, candidate: Episode, now: float) -> bool:
        """Return whether the episode may be an open alert; the least severe one is closed for it if need be."""
        open_keys = self._open[candidate.goal]
        if len(open_keys) < self._policies[candidate.goal].most_open:
            return True
        least = self._least.get(candidate.goal)
        if least is None:
            least = min((self._episodes[candidate.goal, key] for key in open_keys), key=lambda one: one.severity)
            self._least[candidate.goal] = least
        if candidate.severity <= least.severity:
            return False
        self._put(replace(least, closed_at=now, closed_by=BY_CAP))
        return True

    def _hold_back(self, candidate: Episode, detection: Detection, now: float) -> None:
        held_back = self._held_back[candidate.goal]
        held_back[candidate.key] = candidate
        if len(held_back) >= 2 * MOST_HELD_BACK:
            # Half at a time: looked for one by one, the least severe would cost more than all the rest.
            by_severity = sorted(held_back.values(), key=lambda one: (one.severity, one.last_end))
            for one in by_severity[:MOST_HELD_BACK]:
                del held_back[one.key]
        everything_else = replace(detection, key=OVERFLOW)
        overflow = self._episodes.get((candidate.goal, OVERFLOW))
        if overflow is not None and overflow.has(everything_else):
            return
        if self._extend(overflow, everything_else, now) == Outcome.TAKEN:
            overflow = self._episodes[candidate.goal, OVERFLOW]
            self._put(replace(overflow, keys=max(overflow.keys, min(len(held_back), MOST_HELD_BACK))))

    def _extend(self, episode: Episode | None, detection: Detection, now: float) -> Outcome:
        after = extended(episode, detection, self._policies[detection.goal].gap, now)
        if after is None:
            return Outcome.OVERTAKEN
        self._put(after)
        return Outcome.TAKEN

    def close(self, goal: str, watermark: float | None, now: float) -> None:
        """Close what is over by the goal's watermark; without one (None) the goal is silent and all is closed."""
        gap = self._policies[goal].gap
        self._held_back[goal] = {
            key: episode
            for key, episode in self._held_back[goal].items()
            if watermark is not None and not is_over(episode, watermark, gap)
        }
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
        if episode.closed_at is not None:
            self._open[episode.goal].discard(episode.key)
        elif episode.key != OVERFLOW:
            self._open[episode.goal].add(episode.key)
        if episode.key != OVERFLOW:
            self._least.pop(episode.goal, None)
        self._episodes[name] = episode
        self._changed.add(name)
