"""What a goal failed by, and what Spark's and Java's text of it says."""

from __future__ import annotations

import re

from py4j.protocol import Py4JJavaError

# Which task it was, and how often it was tried, tells a reader of the status nothing.
_LOST_TASK = re.compile(r"Job aborted due to stage failure: .*?\(TID \d+\) \(.*?\): ")
_OF_A_CALLBACK = "An exception was raised by the Python Proxy"
_CAUSED_BY = re.compile(r"^(?:Caused by)?: (.+)$", re.MULTILINE)


class CheckpointError(Exception):
    """The store of a goal's checkpoint does not do what is asked of it: a disk that is full, an object store that does
    not answer.
    """


def java_text(error: Py4JJavaError) -> str:
    """Return the Java exception with its stack trace, without py4j's line about the call that met it; raises Py4JError
    when the JVM has ended meanwhile.
    """
    return str(error).removeprefix(f"{error.errmsg}: ")


def cause(error: str) -> str:
    """Return the line that says what went wrong, without Spark's account of the task that met it."""
    if error.startswith(_OF_A_CALLBACK):
        # Python called by Java and calling it again: what failed is named last.
        causes = _CAUSED_BY.findall(error)
        error = causes[-1] if causes else error
    return _LOST_TASK.sub("", error.strip().partition("\n")[0], count=1)


def is_of_checkpoint(folder: str, error: str) -> bool:
    """Return whether an error of a query is one of its checkpoint: it names the folder or what writes there, or says
    that the volume is full.
    """
    return any(sign in error for sign in (folder, "CheckpointFileManager", "No space left on device"))
