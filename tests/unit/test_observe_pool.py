"""Tenants share the threads in which peers are asked."""

from __future__ import annotations

import threading
from concurrent.futures import Future, wait
from typing import Any

import pytest

from logpipeline_operator.observe.pool import FairPool

THREADS, SHARE = 4, 2


@pytest.mark.parametrize("slow", [SHARE, 100])
def test_a_namespace_whose_peers_hang_holds_up_no_other(slow: int) -> None:
    pool, release = FairPool(THREADS, SHARE), threading.Event()
    stuck = [pool.submit("slow", lambda: release.wait(60)) for _ in range(slow)]
    others = [pool.submit("well", lambda: "answer") for _ in range(100)]
    assert {other.result(10) for other in others} == {"answer"}
    assert sum(future.running() for future in stuck) == SHARE
    release.set()
    assert all(future.result(10) for future in stuck)
    pool.shutdown()


def test_those_who_wait_are_served_in_turn() -> None:
    pool, release, order = FairPool(1, 1), threading.Event(), list[str]()
    first = pool.submit("a", lambda: release.wait(60))
    futures = [pool.submit(name, lambda name=name: order.append(name)) for name in ("a", "a", "a", "b", "c")]  # type: ignore[misc]
    release.set()
    wait([first, *futures], 10)
    assert order == ["a", "b", "c", "a", "a"]
    pool.shutdown()


def test_what_is_cancelled_costs_nothing_and_an_error_is_the_callers() -> None:
    pool, release = FairPool(1, 1), threading.Event()
    pool.submit("a", lambda: release.wait(60))
    cancelled: list[Future[Any]] = [pool.submit("a", lambda: "never") for _ in range(10)]
    assert all(future.cancel() for future in cancelled)
    broken = pool.submit("a", lambda: 1 // 0)
    assert len(pool._waiting["a"]) == 1
    release.set()
    with pytest.raises(ZeroDivisionError):
        broken.result(10)
    assert pool.submit("a", lambda: 7).result(10) == 7
    pool.shutdown()
