"""What a run consists of and the order in which it comes up: each part begins as soon as those it needs are ready."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


def _nothing() -> None:
    """A part without a beginning, such as a Kafka that is there already."""


@dataclass
class Part:
    """One part. `check` returns what is lacking and None when all is well, at the start and later on.

    `process` names the supervised component behind it; `once` is for a step that `check` does and that is over then.
    `outside` is for a service of the user's: it says where it stands in the resource.
    """

    name: str
    check: Callable[[], str | None]
    begin: Callable[[], None] = _nothing
    needs: tuple[str, ...] = ()
    process: str | None = None
    address: str | None = None
    once: bool = False
    outside: str | None = None
    limit_seconds: float = 180.0
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
    timeline: list[tuple[str, float]] = field(default_factory=list)

    @property
    def waiting(self) -> list[Part]:
        """The parts that are not ready yet, in their order."""
        return [part for part in self.parts if part.ready_at is None]

    def advance(self, now: float, exits: Callable[[str], int]) -> None:
        """Begin what can begin and check what has begun; `now` in seconds, `exits` tells how often a process has ended.

        Raises StartError for a part that takes longer than its limit or whose process does not stay.
        """
        ready = {part.name for part in self.parts if part.ready_at is not None}
        for part in self.waiting:
            if part.begun_at is None:
                if not ready.issuperset(part.needs):
                    continue
                part.begin()
                part.begun_at = now
            part.lacking = part.check()
            if part.lacking is None:
                part.ready_at = now
                ready.add(part.name)
                self.timeline.append((part.name, now))
            elif part.process is not None and exits(part.process) >= _MOST_EXITS:
                raise StartError(part, f"it ended {exits(part.process)} times before it was ready")
            elif now - part.begun_at > part.limit_seconds:
                raise StartError(part, f"not ready after {part.limit_seconds:.0f} s: {part.lacking}")


# Once may be bad luck (a port taken the moment before); three times is not.
_MOST_EXITS = 3
