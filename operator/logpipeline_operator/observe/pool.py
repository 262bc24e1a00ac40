"""Threads in which peers are asked, shared fairly: a tenant whose peers are slow takes none of the others' time."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

_Work = tuple[Future[Any], Callable[[], Any]]


class FairPool:
    """As a ThreadPoolExecutor, but each namespace keeps at most `share` of the `threads` busy, and those whose work
    waits are served in turn.
    """

    def __init__(self, threads: int, share: int) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="peer")
        self._free = threads
        self._share = share
        self._lock = threading.Lock()
        # In the order in which namespaces are served.
        self._waiting: dict[str, deque[_Work]] = {}
        self._busy: dict[str, int] = {}

    def submit(self, namespace: str, work: Callable[[], Any]) -> Future[Any]:
        """Return the future of `work`; it can be cancelled for as long as it waits."""
        future: Future[Any] = Future()
        with self._lock:
            waiting = self._waiting.setdefault(namespace, deque())
            while waiting and waiting[0][0].cancelled():
                waiting.popleft()
            waiting.append((future, work))
            self._start_next()
        return future

    def shutdown(self) -> None:
        """Begin nothing more."""
        with self._lock:
            self._waiting.clear()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _start_next(self) -> None:
        """Give free threads to those whose turn it is; the lock is held."""
        while self._free and (namespace := self._next()) is not None:
            waiting = self._waiting.pop(namespace)
            future, work = waiting.popleft()
            if waiting:
                self._waiting[namespace] = waiting  # behind the others
            self._free -= 1
            self._busy[namespace] = self._busy.get(namespace, 0) + 1
            self._threads.submit(self._run, namespace, future, work)

    def _next(self) -> str | None:
        return next((name for name in self._waiting if self._busy.get(name, 0) < self._share), None)

    def _run(self, namespace: str, future: Future[Any], work: Callable[[], Any]) -> None:
        try:
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(work())
                except Exception as error:  # noqa: BLE001 - it is the future's
                    future.set_exception(error)
        finally:
            with self._lock:
                self._free += 1
                self._busy[namespace] -= 1
                if not self._busy[namespace]:
                    del self._busy[namespace]
                self._start_next()
