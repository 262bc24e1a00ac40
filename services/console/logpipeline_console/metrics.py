"""What Prometheus can scrape from the console, and for Kubernetes whether it lives."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, Gauge, make_wsgi_app

from logpipeline.errors import LogPipelineError
from logpipeline_console.board import Board

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

_STUCK_SECONDS = 30.0


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is http.server's
        """A scrape every few seconds is not worth a line."""


def registry_of(board: Board, pipeline: str) -> CollectorRegistry:
    """Return the registry with the console's metrics."""
    registry = CollectorRegistry()
    viewers = Gauge("logpipeline_console_viewers", "Pages that are open.", ["pipeline"], registry=registry)
    viewers.labels(pipeline).set_function(lambda: board.readers)
    silence = Gauge(
        "logpipeline_console_age_seconds",
        "Time since the page was last looked to for news.",
        ["pipeline"],
        registry=registry,
    )
    silence.labels(pipeline).set_function(board.age)
    return registry


def serve_metrics(board: Board, pipeline: str, address: str, port: int) -> WSGIServer:
    """Serve /metrics, /healthz and /readyz in a background thread; raises LogPipelineError when the port is taken."""
    metrics = make_wsgi_app(registry_of(board, pipeline))

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] not in ("/healthz", "/readyz"):
            found: Iterable[bytes] = metrics(environ, start_response)
            return found
        age = board.age()
        well = age < _STUCK_SECONDS
        start_response("200 OK" if well else "503 Service Unavailable", [("Content-Type", "text/plain; charset=utf-8")])
        return [f"news was last looked for {age:.0f} s ago\n".encode()]

    try:
        server = make_server(address, port, answer, handler_class=_Quiet)
    except OSError as error:
        raise LogPipelineError(
            f"--metrics-port: cannot listen on {address}:{port}: {error.strerror}; choose another port"
        ) from error
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return server
