"""How far the goals are: each is asked for its watermark, in a thread of its own."""

from __future__ import annotations

import functools
import logging
import threading
import time
from collections.abc import Iterable
from datetime import datetime

from logpipeline import threads
from logpipeline.progress import read_progress
from logpipeline.web import RefusedError, fetch_json

_LOG = logging.getLogger(__name__)
_EVERY_SECONDS = 1.0
SILENT_SECONDS = 300.0
"""A goal whose watermark stands still for so long is silent: its records have ended, or it is down."""


class Watermarks:
    """The watermark of each goal, asked of the addresses that tell of goals (`/progress`)."""

    def __init__(self, urls: Iterable[str]) -> None:
        self._urls = list(urls)
        self._known: dict[str, tuple[float, float]] = {}
        self._heard: dict[str, float] = {}
        self._since = time.monotonic()

    def start(self, stop: threading.Event) -> None:
        """Ask until `stop` is set."""
        for url in self._urls:
            threads.start(f"watermark {url}", functools.partial(self._watch, url, stop))

    def _watch(self, url: str, stop: threading.Event) -> None:
        fault: str | None = "it has not been asked yet"
        while not stop.wait(_EVERY_SECONDS):
            try:
                goals = read_progress(fetch_json(f"{url}/progress"))
                told = {goal.goal: _epoch(goal.watermark) for goal in goals}
            except (OSError, RefusedError, ValueError, KeyError, TypeError) as error:
                # A line a change, not one a second.
                if fault is None:
                    _LOG.warning("%s/progress does not answer, its goals' alerts stay open: %s", url, error)
                fault = str(error)
                continue
            if fault is not None:
                _LOG.info("%s/progress answers", url)
            fault = None
            now = time.monotonic()
            for name, watermark in told.items():
                self._heard[name] = now
                if watermark is not None:
                    self.tell(name, watermark, now)

    def tell(self, goal: str, watermark: float, now: float) -> None:
        """Note a goal's watermark, seen at `now` of the steady clock."""
        known = self._known.get(goal)
        if known is None or watermark != known[0]:
            self._known[goal] = watermark, now

    def age(self, goal: str, now: float) -> float:
        """Return for how many seconds a goal has told nothing, since the start for one that never has."""
        return now - self._heard.get(goal, self._since)

    def get(self, goal: str, now: float) -> tuple[bool, float | None]:
        """Return whether there is something to close by, and the watermark; it is None for a goal that is silent."""
        watermark, moved = self._known.get(goal, (None, self._since))
        if now - moved >= SILENT_SECONDS:
            return True, None
        return watermark is not None, watermark


def _epoch(watermark: str | None) -> float | None:
    return None if watermark is None else datetime.fromisoformat(watermark).timestamp()
