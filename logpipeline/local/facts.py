"""What is known of a run at one moment, as plain data. None is unknown and never means 0."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from logpipeline.kafka.admin import Offsets
from logpipeline.local.results import Result
from logpipeline.progress import GoalProgress, TableProgress

Phase = Literal["starting", "running", "draining", "stopping", "stopped"]
State = Literal["waiting", "starting", "running", "restarting", "not answering", "failed", "stopped"]


@dataclass(frozen=True)
class ComponentFacts:
    """A component. Rate in records a second, lag in records, memory in bytes of its whole process tree."""

    name: str
    state: State
    lacking: str | None
    address: str | None
    pid: int | None
    memory_bytes: int | None
    restarts: int
    rate: float | None = None
    lag: int | None = None


@dataclass(frozen=True)
class Totals:
    """Numbers of records: on the raw topic now and ever, invalid, dead letters, results a goal, in the index.

    `refused` is how many records stand behind the dead letters, which is only looked up at the end of a run.
    """

    kept: int
    produced: int
    invalid: int
    dead_letters: int | None
    results: Mapping[str, int]
    indexed: int | None = None
    refused: int | None = None


@dataclass(frozen=True)
class Facts:
    """A run at one moment. `elapsed` is in seconds since `up` was called."""

    pipeline: str
    phase: Phase
    elapsed: float
    components: list[ComponentFacts]
    goals: Mapping[str, GoalProgress]
    newest: Mapping[str, list[Result]]
    totals: Totals | None
    memory_bytes: int
    first_detection: float | None
    tables: Mapping[str, TableProgress] = field(default_factory=dict)

    def behind(self, goal: GoalProgress) -> int | None:
        """Return how many records of the raw topic `goal` has not processed."""
        return goal.behind(self.totals.produced) if self.totals else None

    def lake_lag(self) -> int | None:
        """Return how many records the lake's table of them has not, None when unknown."""
        raw = self.tables.get("raw")
        return None if raw is None or self.totals is None else raw.behind(self.totals.produced)

    def document(self) -> dict[str, Any]:
        """Return the part of `status.json` that changes from moment to moment."""
        return {
            "pipeline": self.pipeline,
            "phase": self.phase,
            "elapsed_seconds": round(self.elapsed, 1),
            "components": [asdict(component) for component in self.components],
            "goals": [asdict(goal) for goal in self.goals.values()],
            "tables": [asdict(table) for table in self.tables.values()],
            "totals": asdict(self.totals) if self.totals else None,
            "memory_bytes": self.memory_bytes,
            "first_detection_seconds": None if self.first_detection is None else round(self.first_detection, 1),
        }


def component_state(
    *, begun: bool, was_ready: bool, lacking: str | None, process: str | None, uptime: float | None
) -> State:
    """Return the state to show. `process` is supervisord's word, None for a part that is no process of ours."""
    if not begun:
        return "waiting"
    match process:
        case "BACKOFF" | "EXITED":
            return "restarting"
        case "FATAL" | "UNKNOWN":
            return "failed"
        case "STOPPED" | "STOPPING" if was_ready:
            return "stopped"
    if lacking is None:
        return "running"
    # Within a minute of its (re)start a component is still coming up; later on something is wrong with it.
    fresh = uptime is not None and uptime < 60
    return "starting" if fresh or not was_ready else "not answering"


def totals_of(offsets: Mapping[str, Offsets], indexed: int | None) -> Totals:
    """Return the totals, given the topics' offsets by use."""
    dead_letters = offsets.get("sink-dead-letters")
    return Totals(
        kept=offsets["raw"].kept,
        produced=offsets["raw"].total,
        invalid=offsets["invalid"].total,
        dead_letters=dead_letters.total if dead_letters else None,
        results={use.removeprefix("goal "): topic.total for use, topic in offsets.items() if use.startswith("goal ")},
        indexed=indexed,
    )


class Restarts:
    """Counts how often each process was started again, from the start times it is seen with."""

    def __init__(self) -> None:
        self._last: dict[str, float] = {}
        self._count: dict[str, int] = {}

    def see(self, name: str, started: float) -> None:
        """Take note that the process `name` was last started at `started`; 0 for one that never was."""
        if not started:
            return
        if self._last.get(name, started) != started:
            self._count[name] = self._count.get(name, 0) + 1
        self._last[name] = started

    def of(self, name: str) -> int:
        """Return how often the process `name` was started again."""
        return self._count.get(name, 0)
