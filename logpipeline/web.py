"""Small requests to the components' own HTTP servers."""

from __future__ import annotations

import http.client
import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

# A proxy of the user's is for the outside; it would be asked for our own components too.
_NO_PROXY = urllib.request.ProxyHandler({})
_OPENER = urllib.request.build_opener(_NO_PROXY)


class RefusedError(Exception):
    """The server answered, and not with success."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status
        self.message = message


def fetch(
    url: str,
    *,
    method: str = "GET",
    body: Any = None,
    headers: Mapping[str, str] | None = None,
    timeout: float = 1.0,
    context: ssl.SSLContext | None = None,
) -> str:
    """Return the text that `url` answers with; `body` is sent as JSON, bytes as they are; `context` says whose
    certificates are trusted.

    Raises RefusedError for an answer that is not a success, and OSError when there is none in time.
    """
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(  # noqa: S310 (we chose the address)
        url, data, {"Content-Type": "application/json", **(headers or {})}, method=method
    )
    opener = _OPENER
    if context is not None:
        opener = urllib.request.build_opener(_NO_PROXY, urllib.request.HTTPSHandler(context=context))
    try:
        with opener.open(request, timeout=timeout) as response:
            return str(response.read().decode("utf-8", errors="replace"))
    except urllib.error.HTTPError as error:
        raise RefusedError(error.code, _message(error.read().decode("utf-8", errors="replace"))) from error
    except urllib.error.URLError as error:
        raise OSError(str(error.reason)) from error
    except http.client.HTTPException as error:
        # Whoever answers does not speak HTTP, or was cut off in the middle.
        raise OSError(f"no valid HTTP answer: {error!r}") from error


def fetch_json(url: str, *, headers: Mapping[str, str] | None = None, timeout: float = 1.0) -> Any:
    """Return the JSON that `url` answers with; raises as `fetch` does, and ValueError when it is not JSON."""
    return json.loads(fetch(url, headers=headers, timeout=timeout))


def _message(text: str) -> str:
    try:
        return str(json.loads(text)["message"])
    except (ValueError, KeyError, TypeError):
        return text[:300]
