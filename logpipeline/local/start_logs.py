"""How far processes are with their start, by what they write: a line that is new but for its numbers is progress.

A process that starts slowly writes something else all the time; one that tries the same again and again does not.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

_MOST_BYTES = 1 << 20
# Moments, counts, ports, identifiers: what differs between two attempts at the same.
_VARYING = re.compile(rb"\S*[0-9]\S*")


class StartLogs:
    """The logs of processes, read as they grow."""

    def __init__(self, log_of: Callable[[str], Path]) -> None:
        self._log_of = log_of
        self._read: dict[str, int] = {}
        self._lines: dict[str, set[bytes]] = {}

    def progress(self, process: str) -> int:
        """Return how many different lines a process has written since it was first asked about."""
        lines = self._lines.setdefault(process, set())
        lines.update(_VARYING.sub(b"", line) for line in self._news(process).splitlines())
        return len(lines)

    def _news(self, process: str) -> bytes:
        try:
            with self._log_of(process).open("rb") as log:
                size = log.seek(0, 2)
                # What an earlier run has written is no news; a log that is shorter than before was rotated.
                begin = self._read.get(process, size)
                log.seek(begin if begin <= size else 0)
                news = log.read(_MOST_BYTES)
                self._read[process] = log.tell()
                return news
        except FileNotFoundError:
            self._read[process] = 0
            return b""
