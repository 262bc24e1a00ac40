"""The rate at which something that is only ever counted goes on."""

from __future__ import annotations

from collections import deque


class Rate:
    """The rate at which a counter grows, over the last ten seconds or so."""

    def __init__(self, seconds: float = 10.0) -> None:
        self._seconds = seconds
        self._points: deque[tuple[float, float]] = deque()

    def add(self, now: float, value: float | None) -> float | None:
        """Return the rate a second with `value` the counter at `now`; None until it is known."""
        if value is None:
            return None
        if self._points and value < self._points[-1][1]:  # the counter began anew
            self._points.clear()
        self._points.append((now, value))
        while len(self._points) > 2 and now - self._points[0][0] > self._seconds:
            self._points.popleft()
        (start, first), (end, last) = self._points[0], self._points[-1]
        return (last - first) / (end - start) if end - start >= 1 else None
