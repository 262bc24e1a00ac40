"""Small requests over HTTP, bounded in time and size whatever the server does.

A server that sends a byte a second never exceeds the time-out of a single read, and one that never stops fills the
memory; so there is one deadline for the whole exchange and a limit for its answer. Redirects are not followed: they
would carry credentials to another address, and us to one that nobody has chosen. Proxies from the environment are for
the outside and are not asked.

The exchanges of a process share one thread with an event loop, in which aiohttp runs; the callers' threads wait.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import ssl
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

MOST_BYTES = 1 << 20
"""How large an answer may be if the caller does not say otherwise."""
# A name whose server is silent keeps a thread busy for longer than the request that asks for it.
_RESOLVERS = 64


class RefusedError(Exception):
    """The server answered, and not with success.

    Its text is ours alone. `message` is what the server says: it is for those who chose the address themselves, never
    for a status or a log, for an address may be that of a service which its author could not ask.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"HTTP {status} {http.client.responses.get(status, '')}".rstrip())
        self.status = status
        self.message = message


@dataclass(frozen=True)
class Answer:
    """What a server answers, whatever its status; the names of `headers` are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def exchange(
    method: str,
    url: str,
    *,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    timeout: float = 1.0,
    context: ssl.SSLContext | None = None,
    most: int = MOST_BYTES,
) -> Answer:
    """Return the answer to a request; `context` says whose certificates are trusted.

    Raises OSError when there is no whole answer within `timeout` seconds and `most` bytes.
    """
    exchanged = _exchange(method, url, body, headers or {}, timeout, context, most)
    return asyncio.run_coroutine_threadsafe(exchanged, _LOOP.get()).result()


def fetch(
    url: str,
    *,
    method: str = "GET",
    body: Any = None,
    headers: Mapping[str, str] | None = None,
    timeout: float = 1.0,
    context: ssl.SSLContext | None = None,
    most: int = MOST_BYTES,
) -> str:
    """Return the text that `url` answers with; `body` is sent as JSON, bytes as they are.

    Raises RefusedError for an answer that is not a success, a redirect among them, and OSError as `exchange` does.
    """
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    sent = {"Content-Type": "application/json", **(headers or {})}
    answer = exchange(method, url, body=data, headers=sent, timeout=timeout, context=context, most=most)
    text = answer.body.decode("utf-8", errors="replace")
    if not HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
        raise RefusedError(answer.status, _message(text))
    return text


def fetch_json(
    url: str, *, headers: Mapping[str, str] | None = None, timeout: float = 1.0, context: ssl.SSLContext | None = None
) -> Any:
    """Return the JSON that `url` answers with; raises as `fetch` does, and ValueError when it is not JSON."""
    return json.loads(fetch(url, headers=headers, timeout=timeout, context=context))


async def _exchange(
    method: str,
    url: str,
    body: bytes | None,
    headers: Mapping[str, str],
    seconds: float,
    context: ssl.SSLContext | None,
    most: int,
) -> Answer:
    # Imported by the first request: a command line that makes none starts without it.
    import aiohttp  # noqa: PLC0415
    from yarl import URL  # noqa: PLC0415

    try:
        async with (
            aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(force_close=True, ssl=context or True),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=seconds),
                # An answer of a kilobyte can unpack to a gigabyte: none is asked for, and none is unpacked.
                auto_decompress=False,
                headers={"Accept-Encoding": "identity"},
            ) as session,
            session.request(
                method, URL(url, encoded=True), data=body, headers=headers, allow_redirects=False
            ) as response,
        ):
            content = bytearray()
            async for chunk in response.content.iter_any():
                content += chunk
                if len(content) > most:
                    raise OSError(f"the answer has more than {most} bytes")
            told = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status, told, bytes(content))
    except aiohttp.ClientConnectorError as error:
        raise error.os_error from error
    except (aiohttp.ClientError, ValueError) as error:
        if isinstance(error, OSError):
            raise
        raise OSError(f"no valid HTTP answer: {type(error).__name__}") from error


def _message(text: str) -> str:
    try:
        return str(json.loads(text)["message"])
    except (ValueError, KeyError, TypeError):
        return text[:300]


class _Loop:
    """The event loop of this process, started by the first who asks for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    def get(self) -> asyncio.AbstractEventLoop:
        """Return the loop, which runs."""
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._loop.set_default_executor(ThreadPoolExecutor(_RESOLVERS, thread_name_prefix="resolve"))
                threading.Thread(target=self._loop.run_forever, name="http", daemon=True).start()
            return self._loop


_LOOP = _Loop()
