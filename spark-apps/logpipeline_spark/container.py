"""What the kernel lets this container use. Outside of one, and without a limit, that is unknown."""

from __future__ import annotations

import os
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")
# Version 1 writes the largest number of pages for "no limit".
_UNLIMITED = 1 << 62


def memory_limit(cgroups: Path = _CGROUPS) -> int | None:
    """Return the container's memory limit in bytes, None when it has none."""
    for name in ("memory.max", "memory/memory.limit_in_bytes"):
        text = _read(cgroups / name)
        if text is not None and text.isdigit() and int(text) < _UNLIMITED:
            return int(text)
    return None


def cores(cgroups: Path = _CGROUPS) -> int:
    """Return how many cores this process can keep busy, at least 1: those it may run on, and no more than the
    container's CPU limit begins.
    """
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limit = _cpu_limit(cgroups)
    return usable if limit is None else max(1, min(usable, -int(-limit // 1)))


def _cpu_limit(cgroups: Path) -> float | None:
    quota, period = None, None
    if (text := _read(cgroups / "cpu.max")) is not None:
        quota, _, period = text.partition(" ")
    elif (text := _read(cgroups / "cpu" / "cpu.cfs_quota_us")) is not None:
        quota, period = text, _read(cgroups / "cpu" / "cpu.cfs_period_us")
    # "max" and -1 mean that there is none.
    return int(quota) / int(period) if quota and period and quota.isdigit() else None


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return None
