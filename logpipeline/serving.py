"""What a service tells over HTTP beside its work: its metrics, and for Kubernetes whether it lives and is ready."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app

from logpipeline.errors import LogPipelineError

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

Verdict = Callable[[], tuple[bool, str]]
"""Whether all is well, and a line that says more."""


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is http.server's
        """A scrape every few seconds is not worth a line."""


def serve(registry: CollectorRegistry, verdicts: Mapping[str, Verdict], address: str, port: int) -> WSGIServer:
    """Serve the `verdicts` by path (/healthz, /readyz), and /metrics, in a background thread; raises LogPipelineError
    when the port is taken.
    """
    metrics = make_wsgi_app(registry)

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        verdict = verdicts.get(environ["PATH_INFO"])
        if verdict is None:
            answer: Iterable[bytes] = metrics(environ, start_response)
            return answer
        well, text = verdict()
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
