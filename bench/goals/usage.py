"""What a program and all the processes that it starts use."""

from __future__ import annotations

import threading
from pathlib import Path

import psutil

_EVERY_SECONDS = 0.2


class Usage:
    """CPU seconds and peak memory of the tree below a process, looked at five times a second until `stop`."""

    def __init__(self, pid: int) -> None:
        self._root = psutil.Process(pid)
        self._cpu: dict[tuple[int, float], float] = {}
        self.peak_bytes = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    @property
    def cpu_seconds(self) -> float:
        """User and system time of all processes that have been seen."""
        return sum(self._cpu.values())

    def stop(self) -> None:
        """Look no more."""
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(_EVERY_SECONDS):
            try:
                processes = [self._root, *self._root.children(recursive=True)]
            except psutil.NoSuchProcess:
                return
            resident = 0
            for process in processes:
                try:
                    times = process.cpu_times()
                    self._cpu[process.pid, process.create_time()] = times.user + times.system
                    resident += _proportional(process.pid)
                except (psutil.NoSuchProcess, OSError):
                    continue  # it ended between two looks
            self.peak_bytes = max(self.peak_bytes, resident)


def _proportional(pid: int) -> int:
    """Resident bytes with shared pages divided among those that share them: workers are forks of one another."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0
