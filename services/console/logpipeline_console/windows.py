"""The windows of one goal: the episodes that they make, and the series of a metric. Pure but for what it remembers.

What it shows depends on the set of results alone, not on their order nor on how often each was read.
"""

from __future__ import annotations

import heapq
import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from logpipeline.results import WindowResult
from logpipeline_console.goals import ShownGoal

Key = tuple[str, ...]
_BARS = 32


@dataclass(frozen=True)
class Episode:
    """Windows of one key of which each begins at most the goal's gap after the one before; moments in epoch seconds."""

    key: Key
    windows: tuple[WindowResult, ...]

    @property
    def first(self) -> int:
        """Where its first window begins."""
        return self.windows[0].start

    @property
    def last(self) -> int:
        """Where its last window ends."""
        return self.windows[-1].end

    def document(self, goal: ShownGoal, watermark: float | None) -> dict[str, Any]:
        """Return what the page is told of it; `watermark` is how far the goal is, None when nobody knows."""
        values = [window.value for window in self.windows]
        return {
            "goal": goal.rule.name,
            "key": list(self.key),
            "first": self.first,
            "last": self.last,
            "windows": len(values),
            "peak": max(values),
            "bars": peaks(values, _BARS),
            "open": None if watermark is None else watermark < self.last + goal.gap,
        }


def peaks(values: list[float], most: int) -> list[float]:
    """Return at most `most` values, each the greatest of a run of neighbours."""
    step = -(-len(values) // most)
    return [max(values[place : place + step]) for place in range(0, len(values), step)]


def episodes(windows: Iterable[WindowResult], gap: int) -> list[Episode]:
    """Return the episodes that the windows of one key make."""
    runs: list[list[WindowResult]] = []
    for window in sorted(windows, key=lambda window: window.start):
        if runs and window.start <= runs[-1][-1].start + gap:
            runs[-1].append(window)
        else:
            runs.append([window])
    return [Episode(run[0].key, tuple(run)) for run in runs]


class Windows:
    """The newest windows of one goal, `most` of them at most."""

    def __init__(self, goal: ShownGoal, most: int) -> None:
        self.goal = goal
        self.version = 0
        self.dropped = 0
        self.malformed = 0
        self._most = most
        self._by_key: dict[Key, dict[int, WindowResult]] = {}
        self._arrived: deque[tuple[Key, int]] = deque()
        self._episodes: dict[Key, list[Episode]] = {}
        # One thread reads results, another looks at what has come of them.
        self._lock = threading.Lock()

    def add(self, result: WindowResult) -> None:
        """Take in a result; one that is there already changes nothing."""
        with self._lock:
            windows = self._by_key.setdefault(result.key, {})
            if result.start in windows:
                return
            windows[result.start] = result
            self._arrived.append((result.key, result.start))
            self._episodes.pop(result.key, None)
            self.version += 1
            if len(self._arrived) > self._most:
                self._drop_oldest()

    def _drop_oldest(self) -> None:
        key, start = self._arrived.popleft()
        self.dropped += 1
        del self._by_key[key][start]
        self._episodes.pop(key, None)
        if not self._by_key[key]:
            del self._by_key[key]

    def episodes(self, most: int) -> tuple[list[Episode], int]:
        """Return the `most` episodes that ended last, the newest first, and how many there are in all."""
        with self._lock:
            for key, windows in self._by_key.items():
                if key not in self._episodes:
                    self._episodes[key] = episodes(windows.values(), self.goal.gap)
            total = sum(len(found) for found in self._episodes.values())
            every = (episode for found in self._episodes.values() for episode in found)
            return heapq.nlargest(most, every, key=lambda episode: (episode.last, episode.first, episode.key)), total

    def series(self, most_keys: int, most_times: int) -> dict[str, Any]:
        """Return the metric over the newest windows: the keys with the greatest newest values and a row of values each,
        None where there is no window; `of` is the number of keys.
        """
        with self._lock:
            starts = sorted({start for windows in self._by_key.values() for start in windows})[-most_times:]
            newest: dict[Key, tuple[int, float]] = {}
            for key, windows in self._by_key.items():
                start = max(windows)
                if start >= starts[0]:
                    newest[key] = (start, windows[start].value)
            chosen = heapq.nlargest(most_keys, newest, key=lambda key: (*newest[key], key))
            rows = [[_value(self._by_key[key].get(start)) for start in starts] for key in chosen]
        return {"times": starts, "keys": [list(key) for key in chosen], "rows": rows, "of": len(newest)}


def _value(window: WindowResult | None) -> float | None:
    return None if window is None else window.value
