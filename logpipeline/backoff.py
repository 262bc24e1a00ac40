"""When to try again."""

from __future__ import annotations


class Backoff:
    """Waits that double from `first` to `longest` seconds and start over after a quiet time."""

    def __init__(self, first: float = 2.0, longest: float = 60.0) -> None:
        self._first = first
        self._longest = longest
        self._wait = first
        self._last: float | None = None

    def due(self, now: float) -> bool:
        """Tell whether another try is due at `now` (seconds of any steady clock), and take it as made when it is."""
        if self._last is None or now - self._last > 2 * self._longest:
            self._wait = self._first
        elif now - self._last < self._wait:
            return False
        else:
            self._wait = min(2 * self._wait, self._longest)
        self._last = now
        return True
