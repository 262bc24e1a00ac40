"""The same facts as plain lines, for a log or a pipe."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from logpipeline.local.facts import Facts
from logpipeline.local.results import Result
from logpipeline.local.view import number, size, totals_text
from logpipeline.terminal import Terminal

_EVERY_SECONDS = 5.0


def changes(before: Facts | None, now: Facts) -> Iterator[str]:
    """Yield a line for each component and goal whose state is not what it was."""
    old = {component.name: component for component in before.components} if before else {}
    for component in now.components:
        last = old.get(component.name)
        if component.state == "waiting" or (last is not None and last.state == component.state):
            continue
        where = f" at {component.address}" if component.state == "running" and component.address else ""
        why = f": {component.lacking}" if component.lacking and component.state not in ("running", "starting") else ""
        yield f"{component.name} {component.state}{where}{why}"
    for name, goal in now.goals.items():
        known = before.goals.get(name) if before else None
        if known is None or known.state != goal.state:
            yield f"goal {name} {goal.state}" + (f": {goal.error}" if goal.error else "")
    if now.first_detection is not None and (before is None or before.first_detection is None):
        yield f"first detection after {now.first_detection:.1f} s"


def status_lines(facts: Facts, shown: Mapping[str, Result]) -> Iterator[str]:
    """Yield the regular lines: totals, lag, and the newest result of each goal unless it is the one in `shown`."""
    waiting = [f"{part.name} ({part.lacking})" for part in facts.components if part.state == "starting"]
    if facts.phase == "starting" and waiting:
        yield f"waiting for {', '.join(waiting)}"
        return
    lags = ", ".join(f"{name} {number(facts.behind(goal))}" for name, goal in facts.goals.items())
    yield f"{totals_text(facts)} · lag {lags or number(None)} · memory {size(facts.memory_bytes)}"
    for name, results in facts.newest.items():
        if results and facts.totals is not None and results[-1] != shown.get(name):
            yield f"  {name} ({number(facts.totals.results.get(name))}): {results[-1]}"


class PlainScreen:
    """Plain lines, each with the seconds since `up` was called."""

    def __init__(self, console: Terminal) -> None:
        self._console = console
        self._facts: Facts | None = None
        self._last = 0.0
        self._shown: dict[str, Result] = {}

    def update(self, facts: Facts) -> None:
        """Print what has changed, and every few seconds how things are."""
        for line in changes(self._facts, facts):
            self._print(facts.elapsed, line)
        if facts.elapsed - self._last >= _EVERY_SECONDS:
            self._last = facts.elapsed
            for line in status_lines(facts, self._shown):
                self._print(facts.elapsed, line)
            self._shown = {name: results[-1] for name, results in facts.newest.items() if results}
        self._facts = facts

    def say(self, text: str) -> None:
        """Print what is being done."""
        self._print(self._facts.elapsed if self._facts else 0.0, text)

    def _print(self, elapsed: float, line: str) -> None:
        self._console.print(f"[{elapsed:6.1f} s] {line}", soft_wrap=True)

    def close(self) -> None:
        """Nothing to put away."""
