"""The processes of a run: known by a mark in their environment, which each of them hands on to its children.

A mark finds what a list of ids cannot: Spark's JVM and its Python workers after the goal that started them was killed.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path

import psutil

MARK = "LOGPIPELINE_STATE"


def marked(root: Path) -> list[psutil.Process]:
    """Return the living processes that belong to the state folder `root`, this one and its ancestors left out."""
    own = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    found = []
    for process in psutil.process_iter():
        try:
            if (
                process.pid not in own
                and process.environ().get(MARK) == str(root)
                and process.status() != psutil.STATUS_ZOMBIE
            ):
                found.append(process)
        except psutil.Error:  # gone meanwhile, or another user's
            continue
    return found


def end(root: Path, grace: float) -> list[int]:
    """End every marked process: asked first, killed after `grace` seconds. Returns the ids of those that there were.

    The supervisor among them is asked alone, since it ends the others in their proper order.
    """
    processes = marked(root)
    pids = [process.pid for process in processes]
    supervisors = [process for process in processes if _is_supervisor(process)]
    for asked in (supervisors, None):
        targets = marked(root) if asked is None else asked
        _each(targets, "terminate")
        psutil.wait_procs(targets, timeout=grace)
    deadline = time.monotonic() + grace
    while (rest := marked(root)) and time.monotonic() < deadline:
        _each(rest, "kill")
        psutil.wait_procs(rest, timeout=1)
    return pids


def _is_supervisor(process: psutil.Process) -> bool:
    try:
        return "supervisor.supervisord" in process.cmdline()
    except psutil.Error:
        return False


def _each(processes: Iterable[psutil.Process], action: str) -> None:
    for process in processes:
        try:
            getattr(process, action)()
        except psutil.Error:
            continue


def memory_by_tree(roots: dict[str, int]) -> dict[str, int]:
    """Return the resident bytes of each process in `roots` (name to pid) with all its descendants."""
    children: dict[int, list[int]] = {}
    resident: dict[int, int] = {}
    for process in psutil.process_iter(["ppid", "memory_info"]):
        if process.info["memory_info"] is not None:
            resident[process.pid] = process.info["memory_info"].rss
            children.setdefault(process.info["ppid"], []).append(process.pid)
    totals = {}
    for name, root in roots.items():
        pending, total = [root], 0
        while pending:
            pid = pending.pop()
            total += resident.get(pid, 0)
            pending.extend(children.get(pid, ()))
        totals[name] = total
    return totals
