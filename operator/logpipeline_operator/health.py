"""`/healthz` and `/readyz` over HTTP, for the kubelet."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT = 8081
Check = Callable[[], str | None]


def serve(live: Check, ready: Check, port: int = PORT) -> ThreadingHTTPServer:
    """Answer probes in a background thread: 200 when a check finds nothing, else 503 and what it found."""
    checks = {"/healthz": live, "/readyz": ready}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            check = checks.get(self.path)
            if check is None:
                self.send_error(404, f"only {' and '.join(checks)} are here")
                return
            fault = check()
            body = ((fault or "ok") + "\n").encode()
            self.send_response(503 if fault else 200)
            self.send_header("Content-Type", "text/plain; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is http.server's
            """A probe every few seconds is not worth a line."""

    server = ThreadingHTTPServer(("", port), Handler)
    threading.Thread(target=server.serve_forever, name="health", daemon=True).start()
    return server
