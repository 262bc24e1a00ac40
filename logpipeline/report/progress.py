"""How far the counting of a report is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from logpipeline.backtest.progress import reading


@contextmanager
def progress(total: int | None, *, files: bool) -> Iterator[Callable[[int], None]]:
    """Show a bar up to `total`, bytes of files or records, None for unknown, and give what moves it on by so many."""
    with reading(files=files) as bar:
        task = bar.add_task("report", total=total)
        yield lambda count: bar.advance(task, count)
