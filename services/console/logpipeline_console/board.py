"""What the page shows, as events: made once for all who look, and handed to each as soon as it has changed."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

_TICK_SECONDS = 0.25


@dataclass(frozen=True)
class Event:
    """The newest of its kind; `data` is JSON."""

    kind: str
    data: str
    version: int


class Board:
    """The newest event of each kind. A reader that is slow misses what is between, never the newest."""

    def __init__(self) -> None:
        self._events: dict[str, Event] = {}
        self._changed = asyncio.Condition()
        self._filled_at = time.monotonic()
        self.readers = 0

    async def put(self, kind: str, content: Any) -> None:
        """Make `content` the newest event of its kind; nothing when it is as before."""
        data = json.dumps(content, separators=(",", ":"), ensure_ascii=False)
        before = self._events.get(kind)
        if before is not None and before.data == data:
            return
        async with self._changed:
            self._events[kind] = Event(kind, data, before.version + 1 if before else 1)
            self._changed.notify_all()

    def document(self) -> str:
        """Return the newest of every kind as one JSON object."""
        return "{" + ",".join(f"{json.dumps(kind)}:{event.data}" for kind, event in self._events.items()) + "}"

    def age(self) -> float:
        """Return how many seconds ago the sources were last asked for news."""
        return time.monotonic() - self._filled_at

    def filled(self) -> None:
        """Note that the sources have been asked."""
        self._filled_at = time.monotonic()

    async def events(self) -> AsyncIterator[Event]:
        """Yield the newest event of each kind, and each that comes after."""
        seen: dict[str, int] = {}
        self.readers += 1
        try:
            while True:
                fresh = [event for kind, event in self._events.items() if event.version != seen.get(kind)]
                for event in fresh:
                    seen[event.kind] = event.version
                    yield event
                if not fresh:
                    async with self._changed:
                        await self._changed.wait_for(lambda: self._is_news(seen))
        finally:
            self.readers -= 1

    def _is_news(self, seen: dict[str, int]) -> bool:
        return any(event.version != seen.get(kind) for kind, event in self._events.items())


async def fill(board: Board, sources: dict[str, Callable[[], Any]]) -> None:
    """Put what `sources` give by kind onto the board, again and again; None is nothing new."""
    while True:
        for kind, source in sources.items():
            content = source()
            if content is not None:
                await board.put(kind, content)
        board.filled()
        await asyncio.sleep(_TICK_SECONDS)
