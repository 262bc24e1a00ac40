"""Threads and tasks that a process cannot do without: one that fails ends the process, which is then started again.

A thread that dies by itself otherwise leaves a process that looks alive and does half of its work.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Callable

_LOG = logging.getLogger(__name__)
FAILED = os.EX_SOFTWARE
"""The exit code of a process of which a thread or task has failed."""


def start(name: str, work: Callable[[], object]) -> threading.Thread:
    """Run `work` in a daemon thread; it may return, but an exception that it does not catch ends the process."""

    def run() -> None:
        try:
            work()
        except Exception:  # noqa: BLE001 - logged with its stack trace, and nothing goes on after it
            _end(name)

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    return thread


def watch(task: asyncio.Task[None]) -> None:
    """Let a failure of `task` end the process; a task that is cancelled may end."""

    def ended(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            _end(task.get_name(), error)

    task.add_done_callback(ended)


def _end(name: str, error: BaseException | bool = True) -> None:
    _LOG.critical("%s failed, so the process ends", name, exc_info=error)
    logging.shutdown()
    # An orderly end would wait for whatever the failure has left behind.
    os._exit(FAILED)
