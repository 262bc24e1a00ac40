"""Which pipeline is looked at next: a queue in which each pipeline stands once, with delays and exponential backoff.

As client-go's work queue: a pipeline that is asked for while a worker has it comes again afterwards, so no two workers
ever have the same one and no change is lost.
"""

from __future__ import annotations

import heapq
import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key")

FIRST_BACKOFF = 2.0
LONGEST_BACKOFF = 300.0


def backoff(failures: int) -> float:
    """Return the seconds to wait after so many failures in a row: 2, 4, 8 … 300."""
    return min(LONGEST_BACKOFF, FIRST_BACKOFF * 2.0 ** min(failures - 1, 30))


class WorkQueue(Generic[Key]):
    """Keys that are due now or later; safe to use from several threads.

    At most `share` keys of one `group` are worked on at a time, so that a group whose keys are slow leaves workers for
    the others.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        *,
        group: Callable[[Key], Hashable] = lambda _: None,
        share: float = math.inf,
    ) -> None:
        self._clock = clock
        self._group = group
        self._share = share
        self._busy: Counter[Hashable] = Counter()
        # What is due and waits for another of its group, as in the heap.
        self._held: dict[Hashable, list[tuple[float, int, Key]]] = {}
        self._changed = threading.Condition()
        self._due: dict[Key, float] = {}
        self._heap: list[tuple[float, int, Key]] = []
        self._count = 0
        self._working: set[Key] = set()
        self._failures: dict[Key, int] = {}
        self._closed = False

    def add(self, key: Key, delay: float = 0.0) -> None:
        """Ask for `key` in `delay` seconds, or earlier if it is due earlier anyway."""
        moment = self._clock() + delay
        with self._changed:
            if self._due.get(key, moment + 1) <= moment:
                return
            self._due[key] = moment
            self._push(moment, key)
            self._changed.notify()

    def _push(self, moment: float, key: Key) -> None:
        self._count += 1  # keys need no order among themselves
        heapq.heappush(self._heap, (moment, self._count, key))

    def take(self) -> Key | None:
        """Wait for a key that is due and nobody works on, and return it; None when the queue is closed."""
        with self._changed:
            while not self._closed:
                key, wait = self._next()
                if key is not None:
                    return key
                self._changed.wait(wait)
            return None

    def _next(self) -> tuple[Key | None, float | None]:
        now = self._clock()
        while self._heap:
            moment, _, key = self._heap[0]
            if self._due.get(key) != moment or key in self._working:
                # Asked for anew at another time, or comes again when its worker is done.
                heapq.heappop(self._heap)
                continue
            if moment > now:
                return None, moment - now
            entry = heapq.heappop(self._heap)
            group = self._group(key)
            if self._busy[group] >= self._share:
                heapq.heappush(self._held.setdefault(group, []), entry)
                continue
            del self._due[key]
            self._working.add(key)
            self._busy[group] += 1
            return key, None
        return None, None

    def done(self, key: Key, *, failed: bool) -> float | None:
        """Give `key` back; one that failed comes again after its backoff, whose seconds are returned."""
        delay = None
        with self._changed:
            self._working.discard(key)
            self._release(self._group(key))
            if failed:
                self._failures[key] = self._failures.get(key, 0) + 1
                delay = backoff(self._failures[key])
            else:
                self._failures.pop(key, None)
            if key in self._due:
                self._push(self._due[key], key)
            self._changed.notify()
        if delay is not None:
            self.add(key, delay)
        return delay

    def _release(self, group: Hashable) -> None:
        """Let another of the group in, the one that has been due for longest; the lock is held."""
        self._busy[group] -= 1
        held = self._held.get(group, [])
        while held:
            moment, count, key = heapq.heappop(held)
            if self._due.get(key) == moment:
                heapq.heappush(self._heap, (moment, count, key))
                break
        if not held:
            self._held.pop(group, None)
        if not self._busy[group]:
            del self._busy[group]

    def forget(self, key: Key) -> None:
        """Drop what is known of a key that is gone."""
        with self._changed:
            self._due.pop(key, None)
            self._failures.pop(key, None)

    def depth(self) -> int:
        """Return how many keys are due now."""
        now = self._clock()
        with self._changed:
            return sum(moment <= now for moment in self._due.values())

    def close(self) -> None:
        """Send the workers home."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
