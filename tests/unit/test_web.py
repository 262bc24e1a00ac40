"""What a server that means harm can do to those who ask it: nothing beyond a bounded time and size."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from logpipeline.web import MOST_BYTES, RefusedError, fetch, fetch_json

Behaviour = Callable[[socket.socket], None]
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"


@contextmanager
def a_server(behaviour: Behaviour) -> Iterator[str]:
    """A real socket that treats each connection, when the request was read, as told."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection, suppress(OSError):
                connection.recv(65536)
                behaviour(connection)

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.close()


def answers(content: bytes) -> Behaviour:
    return lambda connection: connection.sendall(content)


def drips(content: bytes) -> Behaviour:
    """A byte at a time, each well within the time-out, for as long as anybody listens."""

    def drip(connection: socket.socket) -> None:
        connection.sendall(content)
        while True:
            connection.sendall(b"x")
            time.sleep(0.1)

    return drip


def pours(connection: socket.socket) -> None:
    connection.sendall(HEAD + b"Content-Length: 314572800\r\n\r\n")
    for _ in range(300):
        connection.sendall(b"x" * (1 << 20))


@pytest.mark.parametrize(
    "behaviour",
    [
        lambda _: threading.Event().wait(5),
        drips(b"HTTP/1.1 200 "),
        drips(b"HTTP/1.1 200 OK\r\nX-Slow: "),
        drips(HEAD + b"Content-Length: 1000000\r\n\r\n"),
        drips(HEAD + b"\r\n"),
    ],
    ids=["silent", "status line", "header", "body", "body without an end"],
)
def test_the_deadline_is_for_the_whole_exchange(behaviour: Behaviour) -> None:
    with a_server(behaviour) as url, pytest.raises(TimeoutError):
        fetch(url, timeout=0.5)


def test_an_answer_has_an_end() -> None:
    with a_server(pours) as url, pytest.raises(OSError, match=f"more than {MOST_BYTES} bytes"):
        fetch(url, timeout=30)


def test_what_is_packed_stays_packed() -> None:
    bomb = gzip.compress(bytes(64 << 20))
    head = HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)
    with a_server(answers(head + bomb)) as url, pytest.raises(ValueError):
        fetch_json(url, timeout=10)


def test_a_redirect_is_a_refusal_and_takes_no_credentials_along() -> None:
    asked: list[str] = []
    with a_server(lambda _: asked.append("asked")) as target:
        head = f"HTTP/1.1 307 Temporary Redirect\r\nLocation: {target}/secret\r\nContent-Length: 0\r\n\r\n"
        with a_server(answers(head.encode())) as url, pytest.raises(RefusedError) as refused:
            fetch(url, headers={"Authorization": "Bearer s3cret"})
    assert (refused.value.status, str(refused.value), asked) == (307, "HTTP 307 Temporary Redirect", [])


def test_what_a_server_says_is_no_part_of_the_errors_text() -> None:
    says = b"HTTP/1.1 404 secret\r\nContent-Length: 7\r\n\r\nsecrets"
    with a_server(answers(says)) as url, pytest.raises(RefusedError) as refused:
        fetch(url)
    assert (str(refused.value), refused.value.message) == ("HTTP 404 Not Found", "secrets")


@pytest.mark.parametrize(
    "content",
    [b"", b"SSH-2.0-OpenSSH_9.6\r\n", HEAD + b"Content-Length: 10\r\n\r\nabc", b"HTTP/1.1 200 OK\r\nno header\r\n\r\n"],
)
def test_half_an_answer_is_none(content: bytes) -> None:
    with a_server(answers(content)) as url, pytest.raises(OSError):
        fetch(url, timeout=5)


def test_a_refused_connection_and_an_unknown_name_are_told_as_such() -> None:
    with a_server(answers(b"")) as url:
        pass
    with pytest.raises(ConnectionRefusedError):
        fetch(url)
    with pytest.raises(socket.gaierror):
        fetch("http://name.invalid", timeout=5)


def test_proxies_of_the_environment_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with a_server(answers(HEAD + b"Content-Length: 2\r\n\r\nok")) as url:
        assert fetch(url) == "ok"
