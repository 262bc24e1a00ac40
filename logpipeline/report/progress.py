"""How far the reading of a history is, on standard error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from logpipeline.terminal import Terminal


@contextmanager
def progress(total: int, *, files: bool) -> Iterator[Callable[[int], None]]:
    """Show a bar up to `total`, bytes of files or records, and give what moves it on by so many."""
    messages = Terminal(stderr=True)
    columns = (
        TextColumn("report"),
        BarColumn(),
        DownloadColumn() if files else MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=messages, transient=True, disable=not messages.is_terminal) as bar:
        task = bar.add_task("report", total=total)
        yield lambda count: bar.advance(task, count)
