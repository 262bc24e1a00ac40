"""The Lease: who cannot prove that it is held exits, and it is given up for good."""

from __future__ import annotations

import copy
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from kubernetes.client import ApiException, Configuration

from logpipeline_operator.leader import Leadership, lease_api


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Leases:
    """The API of Leases with one Lease. A real API server does not hang, or refuse, on demand."""

    def __init__(self) -> None:
        self.lease: Any = None
        self.fault: Callable[[], None] = lambda: None

    def read_namespaced_lease(self, *_: Any) -> Any:
        self.fault()
        if self.lease is None:
            error = ApiException(status=404, reason="Not Found")
            error.body = '{"code": 404}'
            raise error
        return SimpleNamespace(spec=copy.copy(self.lease))

    def create_namespaced_lease(self, _: str, body: Any) -> Any:
        self.fault()
        self.lease = body.spec
        return SimpleNamespace(spec=body.spec)

    def replace_namespaced_lease(self, *, body: Any, **_: Any) -> None:
        self.fault()
        self.lease = body.spec


class Replica:
    """One that leads: `ended` gets the exit code, and the election goes no further then."""

    def __init__(self) -> None:
        self.leases, self.clock, self.ended = Leases(), Clock(), threading.Event()
        self.codes: list[int] = []
        self.leadership = Leadership(self.leases, "system", "replica-0", self.clock, self._end)
        self.leadership.wait()

    def _end(self, code: int) -> None:
        self.codes.append(code)
        self.ended.set()


@pytest.fixture
def replica() -> Iterator[Replica]:
    replica = Replica()
    yield replica
    replica.leases.fault = lambda: None
    replica.leadership.release()


def hang() -> None:
    threading.Event().wait(60)


def refuse() -> None:
    raise ApiException(status=500, reason="etcd is down")


@pytest.mark.parametrize("fault", [hang, refuse])
def test_a_leader_that_cannot_renew_exits_before_another_may_lead(replica: Replica, fault: Callable[[], None]) -> None:
    replica.leases.fault = fault
    replica.clock.now += 9.9
    assert not replica.ended.wait(1.2)  # more than two checks of the watchdog
    replica.clock.now += 0.2
    assert replica.ended.wait(10)
    assert replica.codes == [3]


def test_a_lease_that_was_released_is_not_taken_back(replica: Replica) -> None:
    replica.leadership.release()
    assert not replica.leases.lease.holder_identity
    replica.clock.now += 60
    record = SimpleNamespace(
        holder_identity="replica-0",
        lease_duration="15",
        acquire_time=str(datetime.now(UTC)),
        renew_time=str(datetime.now(UTC)),
    )
    assert not replica.leadership._lock.update("logpipeline-operator", "system", record)
    assert not replica.leases.lease.holder_identity
    # Nor is it a loss, however long the process still takes to exit.
    assert not replica.ended.wait(1.2)


def test_a_request_for_the_lease_has_a_time_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=16) as server:
        configuration = Configuration()
        configuration.host = f"http://127.0.0.1:{server.getsockname()[1]}"
        monkeypatch.setattr(Configuration, "_default", configuration)
        leadership = Leadership(lease_api(request_seconds=0.2), "system", "replica-0")
        answers: list[Any] = []
        asking = threading.Thread(target=lambda: answers.append(leadership._lock.get("a", "system")), daemon=True)
        asking.start()
        asking.join(10)
        assert [found for found, _ in answers] == [False]
