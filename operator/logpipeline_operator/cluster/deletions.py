"""What was deleted a short time ago: an answer that was on its way meanwhile still has the object."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Generic, TypeVar

Key = TypeVar("Key")

# Longer than any answer is on its way: a request is given up after half a minute, a list takes several.
REMEMBERED_SECONDS = 300.0


class Deletions(Generic[Key]):
    """The resource version at which each object was deleted; for one thread at a time."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._deleted: dict[Key, tuple[int, float]] = {}

    def note(self, key: Key, version: int) -> None:
        """Remember that `key` was deleted at `version`, for REMEMBERED_SECONDS."""
        now = self._clock()
        before, _ = self._deleted.pop(key, (version, now))
        self._deleted[key] = (max(before, version), now)
        # The oldest stand first.
        while (oldest := next(iter(self._deleted))) != key and now - self._deleted[oldest][1] > REMEMBERED_SECONDS:
            del self._deleted[oldest]

    def covers(self, key: Key, version: int) -> bool:
        """Return whether an object as it was at `version` has been deleted since."""
        return key in self._deleted and version <= self._deleted[key][0]
