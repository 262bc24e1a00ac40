"""The process that runs the goals, asked how it is."""

from __future__ import annotations

from logpipeline.progress import GoalProgress, read_progress
from logpipeline.web import RefusedError, fetch_json


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
