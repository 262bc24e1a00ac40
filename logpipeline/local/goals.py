"""What the goals' process says of itself."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from logpipeline.local.web import RefusedError, fetch_json


@dataclass(frozen=True)
class GoalProgress:
    """One goal's own words; None is unknown. `offset_total` is the sum of the offsets up to which it has processed."""

    goal: str
    state: str
    batch: int | None = None
    batch_age_seconds: float | None = None
    batch_duration_seconds: float | None = None
    input_records_per_second: float | None = None
    records_total: int | None = None
    lag_records: int | None = None
    offset_total: int | None = None
    lag_seconds: float | None = None
    late_total: int | None = None
    invalid_total: int | None = None
    results_total: int | None = None
    restarts: int | None = None
    error: str | None = None

    def behind(self, produced: int) -> int | None:
        """Return how many of the `produced` records of the raw topic it has not processed, None when unknown."""
        # Before its first batch a goal knows no offset, and that there is nothing to read is all there is to know.
        return self.lag_records if self.offset_total is None else max(0, produced - self.offset_total)


def read_progress(document: dict[str, Any]) -> list[GoalProgress]:
    """Return what a /progress document says, a goal each; fields that we do not know are left out."""
    known = {field.name for field in fields(GoalProgress)}
    return [GoalProgress(**{key: value for key, value in goal.items() if key in known}) for goal in document["goals"]]


class Goals:
    """The process that runs the goals, seen through its HTTP server."""

    def __init__(self, port: int, names: list[str]) -> None:
        self._url = f"http://127.0.0.1:{port}/progress"
        self._names = names
        self.progress: dict[str, GoalProgress] = {}

    def check(self) -> str | None:
        """Refresh `progress` and return what is lacking, None for nothing."""
        try:
            goals = read_progress(fetch_json(self._url))
        except (OSError, RefusedError, ValueError, KeyError, TypeError):
            self.progress = {}
            return "Spark is starting"
        self.progress = {goal.goal: goal for goal in goals}
        waiting = [name for name in self._names if name not in self.progress or self.progress[name].state != "running"]
        if not waiting:
            return None
        faults = [f"{name}: {goal.error}" for name, goal in self.progress.items() if goal.error and name in waiting]
        return faults[0] if faults else f"{', '.join(waiting)} not running yet"
