"""What the bridge tells over HTTP: its metrics, and whether its loop turns."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app

from logpipeline.errors import LogPipelineError
from logpipeline_alert_bridge.bridge import Bridge

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

_STUCK_SECONDS = 60.0


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is http.server's
        """A scrape every few seconds is not worth a line."""


def serve(bridge: Bridge, registry: CollectorRegistry, address: str, port: int) -> WSGIServer:
    """Serve /metrics, /healthz and /readyz in a background thread; raises LogPipelineError when the port is taken."""
    metrics = make_wsgi_app(registry)

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        silent = time.monotonic() - bridge.turned_at
        match environ["PATH_INFO"]:
            case "/healthz":
                well, text = silent < _STUCK_SECONDS, f"the loop last turned {silent:.0f} s ago"
            case "/readyz":
                well, text = bridge.restored, "ready" if bridge.restored else "the open alerts are not known yet"
            case _:
                answer: Iterable[bytes] = metrics(environ, start_response)
                return answer
        headers = [("Content-Type", "text/plain; charset=utf-8")]
        start_response("200 OK" if well else "503 Service Unavailable", headers)
        return [f"{text}\n".encode()]

    try:
        server = make_server(address, port, application, handler_class=_Quiet)
    except OSError as error:
        raise LogPipelineError(
            f"--metrics-port: cannot listen on {address}:{port}: {error.strerror}; choose another port"
        ) from error
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return server
