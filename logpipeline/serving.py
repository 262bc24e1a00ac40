"""What a process tells over HTTP beside its work: its metrics, and for Kubernetes whether it lives and is ready."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app

from logpipeline.errors import LogPipelineError

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

Verdict = Callable[[], tuple[bool, str]]
"""Whether all is well, and a line that says more."""
Document = Callable[[], bytes]
"""JSON that is made when it is asked for."""


class _Server(ThreadingMixIn, WSGIServer):
    """Whoever reads slowly holds up no probe."""

    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is http.server's
        """A scrape every few seconds is not worth a line."""


def serve(
    registry: CollectorRegistry,
    verdicts: Mapping[str, Verdict],
    address: str,
    port: int,
    documents: Mapping[str, Document] | None = None,
) -> WSGIServer:
    """Serve /metrics, and by path the `verdicts` (/healthz, /readyz) and `documents`, in background threads; raises
    LogPipelineError when the port is taken.
    """
    metrics, found = make_wsgi_app(registry), documents or {}
    paths = ["/metrics", *found, *verdicts]

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == "/metrics":
            answer: Iterable[bytes] = metrics(environ, start_response)
            return answer
        if path in found:
            start_response("200 OK", [("Content-Type", "application/json")])
            return [found[path]()]
        if path in verdicts:
            well, text = verdicts[path]()
            status = "200 OK" if well else "503 Service Unavailable"
        else:
            status, text = "404 Not Found", f"only {', '.join(paths)} are here"
        start_response(status, [("Content-Type", "text/plain; charset=utf-8")])
        return [f"{text}\n".encode()]

    try:
        server = make_server(address, port, application, server_class=_Server, handler_class=_Quiet)
    except OSError as error:
        raise LogPipelineError(
            f"--metrics-port: cannot listen on {address}:{port}: {error.strerror}; choose another port"
        ) from error
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return server
