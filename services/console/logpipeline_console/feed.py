"""What goes onto the board, by kind: of a live pipeline, and of a backtest."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from logpipeline.api import LogPipeline
from logpipeline_console.goals import ShownGoal
from logpipeline_console.observer import Observer
from logpipeline_console.path import Part, PartFacts, facts_of, links_of, parts_of
from logpipeline_console.windows import Windows

Source = Callable[[], Any]

_PATH_SECONDS, _HISTORY_SECONDS, _REPORTS_SECONDS = 1.0, 5.0, 5.0
_HISTORY_POINTS = 120
_MOST_EPISODES, _MOST_EPISODES_OF_A_BACKTEST = 100, 2000
_MOST_KEYS, _MOST_TIMES = 8, 240


def about(pipeline: LogPipeline, goals: Sequence[ShownGoal], *, live: bool) -> dict[str, Any]:
    """Return what stays as it is while the console runs."""
    parts = parts_of(pipeline, list(goals)) if live else []
    return {
        "pipeline": pipeline.name,
        "namespace": pipeline.metadata.namespace,
        "live": live,
        "searchable": live and pipeline.spec.sink is not None,
        "goals": [goal.document() for goal in goals],
        "parts": [vars(part) for part in parts],
        "links": links_of(parts, list(goals)),
    }


class Every:
    """Gives what a source gives, `seconds` apart and nothing in between."""

    def __init__(self, seconds: float, source: Source) -> None:
        self._seconds = seconds
        self._source = source
        self._due = 0.0

    def __call__(self) -> Any:
        """Return what the source gives when it is time, else None."""
        now = time.monotonic()
        if now < self._due:
            return None
        self._due = now + self._seconds
        return self._source()


class Path:
    """How the parts are, and how their rates and lags went."""

    def __init__(self, parts: list[Part], observer: Observer) -> None:
        self._parts = parts
        self._observer = observer
        self._facts: dict[str, PartFacts] = {}
        self._history: deque[tuple[int, dict[str, PartFacts]]] = deque(maxlen=_HISTORY_POINTS)

    def now(self) -> dict[str, Any]:
        """Return how each part is."""
        self._facts = facts_of(self._parts, self._observer.known())
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        return {"at": at, "parts": {name: facts.document() for name, facts in self._facts.items()}}

    def history(self) -> dict[str, Any]:
        """Note how the parts are and return their rates and lags so far, a number a moment each."""
        self._history.append((round(time.time()), self._facts))
        names = [part.id for part in self._parts]
        return {
            "times": [moment for moment, _ in self._history],
            "rates": {name: [_of(facts, name, "rate") for _, facts in self._history] for name in names},
            "lags": {name: [_of(facts, name, "lag") for _, facts in self._history] for name in names},
        }


def _of(facts: dict[str, PartFacts], name: str, what: str) -> float | None:
    value = getattr(facts[name], what) if name in facts else None
    return None if value is None else round(value, 1)


class Detections:
    """The episodes of all goals that detect."""

    def __init__(self, windows: Sequence[Windows], most: int, observer: Observer | None) -> None:
        self._windows = [store for store in windows if store.goal.detects]
        self._most = most
        self._observer = observer
        self._made_of: Any = None

    def __call__(self) -> Any:
        """Return the newest episodes and how many there are; None when nothing has changed."""
        watermarks = self._watermarks()
        made_of = [store.version for store in self._windows], watermarks
        if made_of == self._made_of:
            return None
        self._made_of = made_of
        found: list[dict[str, Any]] = []
        goals = {}
        for store in self._windows:
            name = store.goal.rule.name
            newest, total = store.episodes(self._most)
            # A backtest has read everything: nothing is open.
            watermark = watermarks.get(name) if self._observer is not None else float("inf")
            found += [episode.document(store.goal, watermark) for episode in newest]
            goals[name] = {"episodes": total, "dropped": store.dropped, "malformed": store.malformed}
        found.sort(
            key=lambda episode: (episode["last"], episode["first"], episode["goal"], episode["key"]), reverse=True
        )
        return {"episodes": found[: self._most], "goals": goals}

    def _watermarks(self) -> dict[str, float]:
        goals = self._observer.goals().values() if self._observer is not None else ()
        return {
            goal.goal: datetime.fromisoformat(goal.watermark).timestamp()
            for goal in goals
            if goal.watermark is not None
        }


class Metrics:
    """The series of all goals that are metrics."""

    def __init__(self, windows: Sequence[Windows]) -> None:
        self._windows = [store for store in windows if not store.goal.detects]
        self._made_of: Any = None

    def __call__(self) -> Any:
        """Return the newest values by goal; None when nothing has changed."""
        made_of = [store.version for store in self._windows]
        if made_of == self._made_of:
            return None
        self._made_of = made_of
        return {store.goal.rule.name: store.series(_MOST_KEYS, _MOST_TIMES) for store in self._windows}


def live_feed(pipeline: LogPipeline, windows: Sequence[Windows], observer: Observer) -> dict[str, Source]:
    """Return the sources of a live pipeline by kind of event."""
    goals = [store.goal for store in windows]
    path = Path(parts_of(pipeline, goals), observer)
    return {
        "path": Every(_PATH_SECONDS, path.now),
        "history": Every(_HISTORY_SECONDS, path.history),
        "detections": Detections(windows, _MOST_EPISODES, observer),
        "metrics": Metrics(windows),
        **({"reports": Every(_REPORTS_SECONDS, observer.reports)} if pipeline.spec.lake is not None else {}),
    }


def backtest_feed(windows: Sequence[Windows]) -> dict[str, Source]:
    """Return the sources of a backtest by kind of event."""
    return {"detections": Detections(windows, _MOST_EPISODES_OF_A_BACKTEST, None), "metrics": Metrics(windows)}
