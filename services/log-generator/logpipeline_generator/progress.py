"""How far a run is, on stderr: a bar on a terminal, a plain line every few seconds otherwise."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn

from logpipeline.plain import say
from logpipeline.terminal import Terminal

BAR_SECONDS, LINE_SECONDS = 0.2, 5.0


class Report:
    """Shows counts, their rate and, when the end is known, the time left. A context manager."""

    def __init__(self, label: str, unit: str, console: Terminal | None = None) -> None:
        self._label, self._unit = label, unit
        self._console = console or Terminal(stderr=True)
        self._bar: Progress | None = None
        if self._console.is_terminal:
            columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
            self._bar = Progress(SpinnerColumn(), *columns, console=self._console, transient=True)
            self._task = self._bar.add_task(label, total=None)
        self._start = self._last = time.monotonic()
        self._last_count = 0

    def __enter__(self) -> Self:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()

    def update(self, count: int, waiting: int, fraction: float | None) -> None:
        """Show, if it is time to, what is done, not yet acknowledged, and the `fraction` (None: no end known)."""
        now = time.monotonic()
        since = now - self._last
        if since < (BAR_SECONDS if self._bar else LINE_SECONDS):
            return
        rate = (count - self._last_count) / since
        self._last, self._last_count = now, count
        text = f"{self._label}: {count:,} {self._unit}, {rate:,.0f}/s" + (f", {waiting:,} under way" if waiting else "")
        if self._bar:
            total = None if fraction is None else 1.0
            self._bar.update(self._task, description=text, total=total, completed=fraction or 0.0)
            return
        if fraction:
            left = (now - self._start) * (1 - fraction) / fraction
            text += f", {fraction:.0%}, about {left:,.0f} s left"
        say(text, err=True)

    def note(self, text: str) -> None:
        """A line that stays."""
        if self._bar:
            self._console.print(f"{self._label}: {text}")
        else:
            say(f"{self._label}: {text}", err=True)


def summary(label: str, figures: dict[str, int], seconds: float, rate_of: str) -> str:
    """One line with all `figures`, the time taken and the rate of the figure named `rate_of`."""
    counts = ", ".join(f"{value:,} {name}" for name, value in figures.items())
    return f"{label}: {counts}; {seconds:,.1f} s, {figures[rate_of] / max(seconds, 1e-9):,.0f} {rate_of}/s"
