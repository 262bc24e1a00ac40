"""What a run consists of and the order in which it comes up: each part begins as soon as those it needs are ready."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field


def _nothing() -> None:
    """A part without a beginning, such as a Kafka that is there already."""


@dataclass
class Part:
    """One part. `check` returns what is lacking and None when all is well, at the start and later on.

    `process` names the supervised component behind it; `once` is for a step that `check` does and that is over then.
    `outside` is for a service of the user's: it says where it stands in the resource, and `limit_seconds` how long
    it is tried. What comes `later` begins when all others are ready, and nobody waits for it.
    """

    name: str
    check: Callable[[], str | None]
    begin: Callable[[], None] = _nothing
    needs: tuple[str, ...] = ()
    process: str | None = None
    address: str | None = None
    once: bool = False
    outside: str | None = None
    limit_seconds: float | None = None
    later: bool = False
    lacking: str | None = "not begun"
    begun_at: float | None = None
    ready_at: float | None = None


class StartError(Exception):
    """A part did not come up."""

    def __init__(self, part: Part, reason: str) -> None:
        super().__init__(reason)
        self.part = part
        self.reason = reason


@dataclass
class Startup:
    """Brings parts up. `advance` is called again and again until `waiting` is empty."""

    parts: list[Part]
    patience: float
    """Seconds in which at least one part has to make progress: begin, become ready, lack or write something new."""
    timeline: list[tuple[str, float]] = field(default_factory=list)
    _moved_at: float = 0.0
    _seen: set[tuple[str, str | int]] = field(default_factory=set)

    @property
    def waiting(self) -> list[Part]:
        """The parts that are waited for and not ready yet, in their order."""
        return [part for part in self.parts if part.ready_at is None and not part.later]

    def begin_later(self, now: float) -> None:
        """Begin what comes later; `now` in seconds."""
        for part in self.parts:
            if part.later:
                part.begin()
                part.begun_at = now

    def advance(self, now: float, exits: Callable[[str], int], written: Callable[[str], int]) -> None:
        """Begin what can begin and check what has begun; `now` in seconds. Of a process `exits` is how often it has
        ended, `written` how many different lines it has logged.

        Raises StartError for a part whose process does not stay or that is outside and not there within its limit, and
        for the first one that is waited for when none makes progress.
        """
        ready = {part.name for part in self.parts if part.ready_at is not None}
        for part in self.waiting:
            if part.begun_at is None:
                if not ready.issuperset(part.needs):
                    continue
                part.begin()
                part.begun_at = self._moved_at = now
            part.lacking = part.check()
            if part.lacking is None:
                part.ready_at = self._moved_at = now
                ready.add(part.name)
                self.timeline.append((part.name, now))
            elif part.process is not None and exits(part.process) >= _MOST_EXITS:
                raise StartError(part, f"it ended {exits(part.process)} times before it was ready")
            elif part.limit_seconds is not None and now - part.begun_at > part.limit_seconds:
                raise StartError(part, f"tried for {part.limit_seconds:.0f} s ({part.lacking})")
            elif self._is_news(part, written):
                self._moved_at = now
        stuck = next((part for part in self.waiting if part.begun_at is not None), None)
        if stuck is not None and now - self._moved_at > self.patience:
            raise StartError(
                stuck, f"not ready, and no part has made progress for {self.patience:.0f} s: {stuck.lacking}"
            )

    def _is_news(self, part: Part, written: Callable[[str], int]) -> bool:
        """Tell whether a part lacks something that it has not lacked before, but for the numbers in it, or its process
        has written something new.
        """
        signs: set[tuple[str, str | int]] = {(part.name, _NUMBER.sub("", part.lacking or ""))}
        if part.process is not None:
            signs.add((part.process, written(part.process)))
        fresh = signs - self._seen
        self._seen |= fresh
        return bool(fresh)


# Once may be bad luck (a port taken the moment before); three times is not.
_MOST_EXITS = 3
_NUMBER = re.compile(r"\d+")
