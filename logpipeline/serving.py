"""What a process says over HTTP beside its work: its metrics, and for Kubernetes whether it lives and is ready."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

import waitress
from prometheus_client import CollectorRegistry, make_wsgi_app
from waitress.server import BaseWSGIServer

from logpipeline import threads
from logpipeline.errors import LogPipelineError

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

Verdict = Callable[[], tuple[bool, str]]
"""Whether all is well, and a line that says more."""
Document = Callable[[], bytes]
"""JSON that is made when it is asked for."""
Reply = tuple[str, str, bytes]
"""Status, type and content."""
Folder = Callable[[str], Reply]
"""What is answered for a path below the folder's."""

# A connection costs no thread, only a request that is being answered does.
_THREADS = 4
_MOST_CONNECTIONS = 1000
# Longer than Prometheus and the kubelet are silent within a request, shorter than it takes to run out of connections.
_IDLE_SECONDS = 10


class Server:
    """A server in threads of its own, which are as many whoever connects."""

    def __init__(self, server: BaseWSGIServer) -> None:
        self._server = server
        self.port: int = server.socket.getsockname()[1]
        self._loop = threads.start("http server", server.run)

    def close(self) -> None:
        """Answer no more; what is being answered is cut off."""
        # The loop owns its sockets: only it may close them, and it ends when there is none left.
        self._server.trigger.pull_trigger(self._close_all)
        self._loop.join()
        self._server.task_dispatcher.shutdown()

    def _close_all(self) -> None:
        for channel in list(self._server.active_channels.values()):
            channel.handle_close()
        self._server.close()


def serve(
    registry: CollectorRegistry,
    verdicts: Mapping[str, Verdict],
    address: str,
    port: int,
    documents: Mapping[str, Document] | None = None,
    folders: Mapping[str, Folder] | None = None,
) -> Server:
    """Serve /metrics, and by path the `verdicts` (/healthz, /readyz), `documents` and, below their paths, `folders`, in
    background threads; raises LogPipelineError when the port is taken.
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
        for folder, read in (folders or {}).items():
            if path.startswith(folder):
                status, kind, content = read(path.removeprefix(folder))
                start_response(status, [("Content-Type", kind)])
                return [content]
        if path in verdicts:
            well, text = verdicts[path]()
            status = "200 OK" if well else "503 Service Unavailable"
        else:
            status, text = "404 Not Found", f"only {', '.join(paths)} are here"
        start_response(status, [("Content-Type", "text/plain; charset=utf-8")])
        return [f"{text}\n".encode()]

    # More probes than threads at one moment are no news.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    return Server(
        waitress.create_server(
            application,
            sockets=[listen(address, port, "--metrics-port")],
            threads=_THREADS,
            connection_limit=_MOST_CONNECTIONS,
            channel_timeout=_IDLE_SECONDS,
            cleanup_interval=_IDLE_SECONDS // 2,
            # select() knows no descriptor beyond 1023.
            asyncore_use_poll=True,
            ident=None,
        )
    )


def listen(address: str, port: int, option: str) -> socket.socket:
    """Return a socket that listens; raises LogPipelineError, which names the `option`, when the port is taken."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        return socket.create_server((address, port), family=family, backlog=_MOST_CONNECTIONS)
    except OSError as error:
        reason = (error.strerror or str(error)).partition(" (while")[0]  # what follows is the address once more
        raise LogPipelineError(
            f"{option}: cannot listen on {address}:{port}: {reason}; choose another address or port"
        ) from error
