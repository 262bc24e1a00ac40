"""`/metrics` and `/progress` over HTTP."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import orjson
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from logpipeline.errors import LogPipelineError
from logpipeline_spark.progress import Board, BoardCollector


def serve(board: Board, address: str, port: int) -> ThreadingHTTPServer:
    """Serve the board in a background thread and return the server; raises LogPipelineError when the port is taken."""
    registry = CollectorRegistry()
    registry.register(BoardCollector(board))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            match self.path.partition("?")[0]:
                case "/metrics":
                    self._answer(CONTENT_TYPE_LATEST, generate_latest(registry))
                case "/progress":
                    self._answer("application/json", orjson.dumps(board.as_json()))
                case _:
                    self.send_error(404, "only /metrics and /progress are here")

        def _answer(self, content_type: str, body: bytes) -> None:
            self.send_response(200)
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
