"""Tables, colours and live views on a terminal. A string is text: it has no markup and no control character."""

from __future__ import annotations

import sys
from typing import Any

from rich.console import Console  # noqa: TID251 - this is the one place
from rich.text import Text

from logpipeline.plain import plain, tolerant, writing

# A pipe has no width; what reads from it wants whole lines.
_WIDE = 240


class Terminal(Console):
    """Standard output or standard error."""

    def __init__(self, *, stderr: bool = False, **options: Any) -> None:
        """`options` are rich's; a console that is no terminal is wide."""
        tolerant(sys.stderr if stderr else sys.stdout)
        super().__init__(stderr=stderr, markup=False, emoji=False, highlight=False, **options)
        if not self.is_terminal and "width" not in options:
            self.width = _WIDE

    def print(self, *objects: Any, **options: Any) -> None:
        """Write objects as rich does. Raises OutputError when they cannot be written."""
        with writing(self.file):
            super().print(*objects, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """Return a string as rich shows it, wherever it stands: a line, a cell, a header."""
        return super().render_str(plain(text), **options)


def styled(value: object, style: str = "", **layout: Any) -> Text:
    """Return a value as text in a style; `layout` is rich's, such as no_wrap."""
    return Text(plain(value), style, **layout)
