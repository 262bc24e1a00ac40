"""The operator's threads. One that ends unexpectedly ends the process, for the kubelet to restart it: without one of
them the others would go on and hide that nothing reconciles, observes or serves any more.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable

_FAILED = 1
_LOG = logging.getLogger(__name__)


def exit_on_failure() -> None:
    """From now on, exit the process with code 1 when any thread ends with an exception."""
    threading.excepthook = _exit


def start(name: str, target: Callable[[], None]) -> threading.Thread:
    """Return a started thread, which does not keep the process from exiting."""
    thread = threading.Thread(target=target, name=name, daemon=True)
    thread.start()
    return thread


def running_after(threads: Iterable[threading.Thread], seconds: float) -> list[str]:
    """Wait at most `seconds` in all for the threads to end and return the names of those that still run."""
    deadline = time.monotonic() + seconds
    threads = list(threads)
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return [thread.name for thread in threads if thread.is_alive()]


def _exit(failure: threading.ExceptHookArgs) -> None:
    name = failure.thread.name if failure.thread else "unknown"
    stack = (failure.exc_type, failure.exc_value or failure.exc_type(), failure.exc_traceback)
    _LOG.critical("the thread %s has failed; the operator exits", name, exc_info=stack)
    # sys.exit would end this thread alone.
    os._exit(_FAILED)
