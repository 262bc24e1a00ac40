"""Whether what should be at work is at work."""

from __future__ import annotations

from datetime import timedelta

_LEAST_SECONDS = 120.0
_TRIGGERS = 10


class Pulse:
    """The signs of life of one thing that is at work at times. Moments are of one clock, in seconds."""

    def __init__(self) -> None:
        self._last: float | None = None

    def beat(self, now: float) -> None:
        """Note a sign of life: from now on it is at work."""
        self._last = now

    def rest(self) -> None:
        """Note that it is not at work any more."""
        self._last = None

    def silence(self, now: float) -> float:
        """Return the seconds since the last sign of life, 0 when it is not at work."""
        return 0.0 if self._last is None else now - self._last


def stall_limit(trigger: timedelta) -> float:
    """Return the seconds without a sign of life after which a goal with this trigger hangs.

    A running query shows one at each trigger, by a batch or by idleness, and within a long batch with each task
    that ends. Two minutes cover what shows none: planning, a task, the commit.
    """
    return max(_TRIGGERS * trigger.total_seconds(), _LEAST_SECONDS)
