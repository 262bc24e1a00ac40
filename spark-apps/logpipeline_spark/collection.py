"""Garbage collection in Spark's Python workers."""

from __future__ import annotations

import gc
import sys
from functools import lru_cache


def freeze_modules() -> None:
    """Keep what there is now out of later collections if modules have been imported since this was last done.

    Spark has a worker collect after each task. Nearly all objects belong to modules, which stay: 30 to 70 ms a task.
    """
    _freeze(len(sys.modules))


@lru_cache(maxsize=1)
def _freeze(_modules: int) -> None:
    gc.freeze()
