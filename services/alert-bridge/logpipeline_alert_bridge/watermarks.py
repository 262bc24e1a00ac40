"""How far the goals are: each is asked for its watermark, in a thread of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from datetime import datetime

from logpipeline.progress import read_progress
from logpipeline.web import RefusedError, fetch_json

_EVERY_SECONDS = 1.0
SILENT_SECONDS = 300.0
"""A goal whose watermark stands still for so long is silent: its records have ended, or it is down."""


class Watermarks:
    """The watermark of each goal, asked of the addresses that tell of goals (`/progress`)."""

    def __init__(self, urls: Iterable[str]) -> None:
        self._urls = list(urls)
        self._known: dict[str, tuple[float, float]] = {}
        self._since = time.monotonic()

    def start(self, stop: threading.Event) -> None:
        """Ask until `stop` is set."""
        for url in self._urls:
            threading.Thread(target=self._watch, args=(url, stop), name=f"watermark {url}", daemon=True).start()

    def _watch(self, url: str, stop: threading.Event) -> None:
        while not stop.wait(_EVERY_SECONDS):
            try:
                goals = read_progress(fetch_json(f"{url}/progress"))
            except (OSError, RefusedError, ValueError, KeyError, TypeError):
                continue
            for goal in goals:
                if goal.watermark is not None:
                    self.tell(goal.goal, datetime.fromisoformat(goal.watermark).timestamp(), time.monotonic())

    def tell(self, goal: str, watermark: float, now: float) -> None:
        """Note a goal's watermark, seen at `now` of the steady clock."""
        known = self._known.get(goal)
        if known is None or watermark != known[0]:
            self._known[goal] = watermark, now

    def get(self, goal: str, now: float) -> tuple[bool, float | None]:
        """Return whether there is something to close by, and the watermark; it is None for a goal that is silent."""
        watermark, moved = self._known.get(goal, (None, self._since))
        if now - moved >= SILENT_SECONDS:
            return True, None
        return watermark is not None, watermark
