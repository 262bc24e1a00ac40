"""How far the reading of a history is, on standard error."""

from __future__ import annotations

from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from logpipeline.terminal import Terminal


def reading(*more: ProgressColumn, files: bool) -> Progress:
    """Return bars of what is read, bytes of `files` or records, with `more` beside the amount; without a terminal
    nothing is shown.
    """
    messages = Terminal(stderr=True)
    amount = DownloadColumn() if files else MofNCompleteColumn()
    columns = (TextColumn("{task.description}"), BarColumn(), amount, *more, TimeRemainingColumn())
    return Progress(*columns, console=messages, transient=True, disable=not messages.is_terminal)
