"""Who may look, and what the page may do in a browser."""

from __future__ import annotations

import hashlib
import hmac
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_COOKIE = "logpipeline-console"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
_REFUSED = "This console asks for a token: open /?token=TOKEN once, or send `Authorization: Bearer TOKEN`.\n"


class PageHeaders:
    """Adds to every answer what a browser must keep to."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, with_headers if scope["type"] == "http" else send)


class TokenAccess:
    """Lets in who knows the token. A browser hands it over once and gets a cookie that does not contain it."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._token = token.encode()
        self._pass = hmac.new(self._token, b"logpipeline-console", hashlib.sha256).hexdigest()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http" or self._knows(scope):
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        response: Response = PlainTextResponse(_REFUSED, 401, {"WWW-Authenticate": "Bearer"})
        given = request.query_params.get("token")
        if given is not None and hmac.compare_digest(given.encode(), self._token):
            # The address that stays in the browser's history has no token in it.
            rest = [(name, value) for name, value in parse_qsl(request.url.query) if name != "token"]
            response = RedirectResponse(request.url.path + (f"?{urlencode(rest)}" if rest else ""), 303)
            secure = request.url.scheme == "https"
            response.set_cookie(_COOKIE, self._pass, httponly=True, samesite="strict", secure=secure)
        await response(scope, receive, send)

    def _knows(self, scope: Scope) -> bool:
        kind, _, token = Headers(scope=scope).get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and hmac.compare_digest(token.strip().encode(), self._token):
            return True
        cookie = Request(scope).cookies.get(_COOKIE, "")
        return hmac.compare_digest(cookie.encode(), self._pass.encode())
