"""SIGINT and SIGTERM as a request that loops look at: the first ends in good order, the second at once."""

from __future__ import annotations

import signal
from types import FrameType

GRACE_SECONDS = 10.0
"""How long a stop waits for the broker's answers: well within the 30 s that Kubernetes grants."""


class Stop:
    """Counts the signals received since `install`."""

    def __init__(self) -> None:
        self.signals = 0
        self.number = 0
        """The first signal, 0 if there was none."""

    def install(self) -> Stop:
        """Take over both signals in this process (main thread only)."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)
        return self

    def requested(self) -> bool:
        """Whether to end in good order."""
        return self.signals > 0

    def insisted(self) -> bool:
        """Whether to end at once."""
        return self.signals > 1

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self.signals += 1
        self.number = self.number or number
