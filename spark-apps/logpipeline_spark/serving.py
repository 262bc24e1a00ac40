"""What the process tells over HTTP: its metrics and progress, and for Kubernetes whether it lives and is ready."""

from __future__ import annotations

import contextlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import orjson
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from logpipeline.errors import LogPipelineError
from logpipeline_spark.metrics import BoardCollector
from logpipeline_spark.progress import Board

_OK, _UNAVAILABLE = 200, 503


def serve(board: Board, address: str, port: int, *, stall_limit: float) -> ThreadingHTTPServer:
    """Serve the board in a background thread and return the server; raises LogPipelineError when the port is taken.

    `stall_limit`: so many seconds without progress make /healthz fail.
    """
    registry = CollectorRegistry()
    registry.register(BoardCollector(board))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            match self.path.partition("?")[0]:
                case "/metrics":
                    self._answer(_OK, CONTENT_TYPE_LATEST, generate_latest(registry))
                case "/progress":
                    self._answer(_OK, "application/json", orjson.dumps(board.as_json()))
                case "/healthz":
                    self._verdict(board.stalled(stall_limit))
                case "/readyz":
                    self._verdict(board.not_running())
                case _:
                    self.send_error(404, "only /metrics, /progress, /healthz and /readyz are here")

        def _verdict(self, faults: list[str]) -> None:
            text = "\n".join(faults or ["ok"]) + "\n"
            self._answer(_UNAVAILABLE if faults else _OK, "text/plain; charset=utf-8", text.encode())

        def _answer(self, status: int, content_type: str, body: bytes) -> None:
            with contextlib.suppress(ConnectionError):  # whoever asked did not wait for the answer
                self.send_response(status)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is http.server's
            """A scrape every few seconds is not worth a line."""

    try:
        server = ThreadingHTTPServer((address, port), Handler)
    except OSError as error:
        raise LogPipelineError(
            f"--metrics-port: cannot listen on {address}:{port}: {error.strerror}; choose another port"
        ) from error
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return server
