"""The console's HTTP server with clients that stand there."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest
import uvicorn
from prometheus_client import CollectorRegistry

from logpipeline import serving
from logpipeline.web import Answer, exchange, fetch
from logpipeline_console import server as console_server
from logpipeline_console.app import application
from logpipeline_console.board import Board
from logpipeline_console.evidence import Evidence

_MANY = 300
_SECONDS = 60
# More than the kernel holds for a client that reads nothing.
_LARGE = "x" * 16_000_000


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[uvicorn.Server]:
    monkeypatch.setattr(console_server, "IDLE_SECONDS", 1.0)
    with served_console({"large": _LARGE}) as served:
        yield served


@contextlib.contextmanager
def served_console(about: dict[str, str], lake: str | None = None) -> Iterator[uvicorn.Server]:
    listening = socket.create_server(("127.0.0.1", 0))
    served = console_server.server(application(Board(), about, {}, Evidence(None, "", []), token=None, lake=lake))
    served.config.port = listening.getsockname()[1]
    thread = threading.Thread(target=served.run, kwargs={"sockets": [listening]})
    thread.start()
    yield served
    served.should_exit = True
    thread.join()


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nGET / HTTP/1.1\r\nHost",
        b"GET /api/snapshot HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    ],
    ids=["idle", "half a request", "a request and a half", "reads nothing"],
)
def test_a_client_that_stands_there_is_hung_up_on(server: uvicorn.Server, sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", server.config.port)) as client:
        client.sendall(sent)
        wait_until(lambda: len(server.server_state.connections) == 1)
        wait_until(lambda: not server.server_state.connections)


def test_many_idle_clients_cost_no_thread_and_no_request(server: uvicorn.Server) -> None:
    # The threads of this client itself, which the first request of a process starts.
    fetch(f"http://127.0.0.1:{server.config.port}/", timeout=_SECONDS)
    before = threading.active_count()
    with contextlib.ExitStack() as opened:
        for _ in range(_MANY):
            opened.enter_context(socket.create_connection(("127.0.0.1", server.config.port), timeout=_SECONDS))
        assert "LogPipeline" in fetch(f"http://127.0.0.1:{server.config.port}/", timeout=_SECONDS)
        assert threading.active_count() <= before + 1


def test_a_viewer_who_reads_stays(server: uvicorn.Server) -> None:
    with socket.create_connection(("127.0.0.1", server.config.port), timeout=_SECONDS) as viewer:
        viewer.sendall(b"GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        received = b""
        while not received.endswith(b"0\r\n\r\n") and len(received) < len(_LARGE):
            received += viewer.recv(1 << 20)
        # Longer than an idle connection would be kept.
        viewer.settimeout(2.5)
        with contextlib.suppress(TimeoutError):
            while more := viewer.recv(1 << 20):
                received += more
            pytest.fail("the server hung up")


PAGE = "daily/2024-05-01T00--2024-05-01T23.html"


class Lake:
    """The writer of a lake, as far as reports go."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def reply(self, path: str) -> tuple[str, str, bytes]:
        self.asked.append(path)
        if path != PAGE:
            return "404 Not Found", "text/plain", b"there is no such page"
        return "200 OK", "text/html", b"<script>alert(1)</script>"


def test_a_report_is_handed_out_and_may_run_nothing() -> None:
    lake = Lake()
    writer = serving.serve(CollectorRegistry(), {}, "127.0.0.1", 0, folders={"/reports/": lake.reply})
    with served_console({}, f"http://127.0.0.1:{writer.port}") as console:

        def get(path: str) -> Answer:
            return exchange("GET", f"http://127.0.0.1:{console.config.port}/reports/{path}", timeout=_SECONDS)

        page = get(PAGE)
        assert (page.status, page.body) == (200, b"<script>alert(1)</script>")
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert page.headers["content-security-policy"].endswith("sandbox")
        assert get(PAGE.replace("01", "02")).status == 404
        before = len(lake.asked)
        for path in ("daily/..%2f..%2fprogress", "daily/page.html%3fx", "Daily/1.html", ""):
            assert get(path).status == 404
        assert len(lake.asked) == before
        writer.close()
        assert get(PAGE).status == 503
        assert b"does not answer" in get(PAGE).body
    with served_console({}) as console:
        assert get(PAGE).status == 404
