"""How the console's HTTP server treats connections: who says nothing or reads nothing is hung up on."""

from __future__ import annotations

import asyncio

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol

_MOST_CONNECTIONS = 500
_GRACE_SECONDS = 2
IDLE_SECONDS = 10.0


class BoundedProtocol(H11Protocol):
    """HTTP/1.1 on a connection that is closed after `IDLE_SECONDS` without a whole request, or in which its client has
    read nothing of an answer.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection up."""
        super().connection_made(transport)
        self.loop.call_later(IDLE_SECONDS, self._check, 0)

    def _check(self, unread_before: int) -> None:
        if self.transport.is_closing():
            return
        unread = self.transport.get_write_buffer_size()
        answering = self.cycle is not None and not self.cycle.response_complete
        if unread == unread_before if unread else not answering:
            self.transport.abort()
        else:
            self.loop.call_later(IDLE_SECONDS, self._check, unread)


def server(app: Starlette) -> uvicorn.Server:
    """Return the server of the console's application."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            http=BoundedProtocol,
            limit_concurrency=_MOST_CONNECTIONS,
            # An access log would have the token in it.
            access_log=False,
            log_level="warning",
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
    )
