"""The components' own HTTP server: whoever connects and says nothing, or reads nothing, holds up no probe."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry

from logpipeline import serving
from logpipeline.errors import LogPipelineError
from logpipeline.serving import Server, serve
from logpipeline.web import RefusedError, fetch

_MANY = 300
_LARGE = b"[" + b"1," * 4_000_000 + b"1]"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(serving, "_IDLE_SECONDS", 2)
    verdicts = {"/healthz": lambda: (True, "well"), "/readyz": lambda: (False, "not yet")}
    served = serve(CollectorRegistry(), verdicts, "127.0.0.1", 0, {"/large": lambda: _LARGE})
    yield served
    served.close()


def test_it_answers_by_path(server: Server) -> None:
    url = f"http://127.0.0.1:{server.port}"
    assert fetch(f"{url}/healthz") == "well\n"
    assert fetch(f"{url}/metrics") == ""
    for path, status in (("/readyz", 503), ("/elsewhere", 404)):
        with pytest.raises(RefusedError) as refused:
            fetch(url + path)
        assert refused.value.status == status


@pytest.mark.parametrize(
    "request_",
    [b"", b"GET /healthz HTTP/1.1\r\nHost", b"GET /large HTTP/1.1\r\n\r\n"],
    ids=["idle", "half a request", "slow readers"],
)
def test_three_hundred_clients_that_stand_there_cost_no_thread_and_no_probe(server: Server, request_: bytes) -> None:
    before = threading.active_count()
    many = 8 if b"large" in request_ else _MANY
    with contextlib.ExitStack() as opened:
        for _ in range(many):
            client = opened.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=30))
            client.sendall(request_)
        assert fetch(f"http://127.0.0.1:{server.port}/healthz", timeout=30) == "well\n"
        assert threading.active_count() <= before


def test_an_idle_connection_is_closed(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as idle:
        assert idle.recv(1) == b""


def test_a_port_that_is_taken_is_one_clear_line(server: Server) -> None:
    with pytest.raises(LogPipelineError, match=f"cannot listen on 127.0.0.1:{server.port}: Address already in use"):
        serve(CollectorRegistry(), {}, "127.0.0.1", server.port)
