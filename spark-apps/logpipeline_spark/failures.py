"""What Spark's text of a query that has failed says."""

from __future__ import annotations

import re

# Which task it was, and how often it was tried, tells a reader of the status nothing.
_LOST_TASK = re.compile(r"Job aborted due to stage failure: .*?\(TID \d+\) \(.*?\): ")


def cause(error: str) -> str:
    """Return the line that says what went wrong, without Spark's account of the task that met it."""
    return _LOST_TASK.sub("", error.strip().partition("\n")[0], count=1)


def is_of_checkpoint(folder: str, error: str) -> bool:
    """Return whether an error of a query is one of its checkpoint: it names the folder or what writes there, or says
    that the volume is full.
    """
    return any(sign in error for sign in (folder, "CheckpointFileManager", "No space left on device"))
