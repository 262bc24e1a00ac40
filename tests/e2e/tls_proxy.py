"""A reverse proxy for tests: TLS and basic authentication in front of one plain HTTP server.

Usage: tls_proxy.py PORT HOST:PORT FOLDER, with tls.crt, tls.key, username and password in the folder.
"""

from __future__ import annotations

import base64
import hmac
import http.client
import json
import socket
import ssl
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

# They belong to a connection, of which there are two here, or are written anew.
_NOT_PASSED_ON = {
    "connection",
    "keep-alive",
    "transfer-encoding",
    "te",
    "trailer",
    "upgrade",
    "authorization",
    "expect",
}
_PIECE = 1 << 16
_REFUSAL = {"error": {"type": "security_exception", "reason": "unable to authenticate"}, "status": 401}


class Relay(BaseHTTPRequestHandler):
    """One client's connection, and one to the server behind it."""

    server: Proxy
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    timeout = 120

    def setup(self) -> None:
        super().setup()
        self.upstream = http.client.HTTPConnection(self.server.upstream, timeout=self.timeout)

    def finish(self) -> None:
        self.upstream.close()
        super().finish()

    def relay(self) -> None:
        """Answer one request; its body is read whatever the answer is, for the next one stands behind it."""
        body = self._body()
        if not hmac.compare_digest(self.headers.get("Authorization", "").encode(), self.server.authorization):
            self._answer(401, _REFUSAL, {"WWW-Authenticate": 'Basic realm="security"'})
            return
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _NOT_PASSED_ON}
        try:
            self.upstream.request(self.command, self.path, body, headers)
            answer = self.upstream.getresponse()
        except (OSError, http.client.HTTPException) as error:
            self.upstream.close()
            self._answer(503, {"error": f"the server behind the proxy: {error}", "status": 503})
            return
        self._pass_on(answer)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = relay  # noqa: N815 (the base class finds them by these names)

    def _body(self) -> bytes | None:
        if "chunked" not in self.headers.get("Transfer-Encoding", "").lower():
            size = self.headers.get("Content-Length")
            return None if size is None else self.rfile.read(int(size))
        body = b""
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():  # trailers
            pass
        return body

    def _answer(self, status: int, document: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Type": "application/json"}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _pass_on(self, answer: http.client.HTTPResponse) -> None:
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.getheaders():
            if name.lower() not in _NOT_PASSED_ON:
                self.send_header(name, value)
        chunked = answer.chunked and self.command != "HEAD"
        if chunked:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while piece := answer.read(_PIECE):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)
        if chunked:
            self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *_: object) -> None:
        """Write nothing: what goes wrong is answered."""


class Proxy(ThreadingHTTPServer):
    """Listens everywhere; a thread a connection."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, upstream: str, folder: Path) -> None:
        self.upstream = upstream
        user = ":".join((folder / key).read_text() for key in ("username", "password"))
        self.authorization = b"Basic " + base64.b64encode(user.encode())
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(folder / "tls.crt", folder / "tls.key")
        super().__init__(("", port), Relay)

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Shake hands here, in the connection's own thread: a client that is slow at it holds up nobody."""
        request.settimeout(10)
        with self._tls.wrap_socket(request, server_side=True) as secured:
            super().finish_request(secured, client_address)
            secured.shutdown(socket.SHUT_WR)

    def handle_error(self, *_: object) -> None:
        """Say in one line why a connection ended."""
        print(repr(sys.exc_info()[1]), flush=True)


if __name__ == "__main__":
    Proxy(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3])).serve_forever()
