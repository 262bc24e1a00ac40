"""How the Elasticsearch client sends its requests: by our HTTP client, which bounds time and size of an exchange."""

from __future__ import annotations

import functools
import ssl
import time
from importlib.metadata import version
from typing import ClassVar

import certifi
from elastic_transport import (
    ApiResponseMeta,
    BaseNode,
    ConnectionError,  # noqa: A004 - the name is the client's
    ConnectionTimeout,
    HttpHeaders,
    NodeConfig,
    TlsError,
)
from elastic_transport._node import NodeApiResponse
from elastic_transport.client_utils import DEFAULT, DefaultType
from elasticsearch import ApiError

from logpipeline.web import exchange

# Evidence of a detection quotes raw records, and one of them alone may have 16 MiB.
MOST_BYTES = 64 << 20


class BoundedNode(BaseNode):
    """One host of an Elasticsearch. Its answers have at most `most` bytes; a request time-out is for the whole."""

    most = MOST_BYTES
    # What the client says of itself in its x-elastic-client-meta header.
    _CLIENT_META_HTTP_CLIENT: ClassVar[tuple[str, str]] = ("ai", version("aiohttp"))

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        self._context = config.ssl_context or (_public_authorities() if config.scheme == "https" else None)

    def perform_request(
        self,
        method: str,
        target: str,
        body: bytes | None = None,
        headers: HttpHeaders | None = None,
        request_timeout: DefaultType | float | None = DEFAULT,
    ) -> NodeApiResponse:
        """Return the answer; raises ConnectionTimeout, TlsError or ConnectionError."""
        sent = {**self.headers, **(headers or {})}
        timeout = self.config.request_timeout if isinstance(request_timeout, DefaultType) else request_timeout
        began = time.monotonic()
        try:
            answer = exchange(
                method,
                f"{self.base_url}{target}",
                body=body or None,
                headers={str(name): str(value) for name, value in sent.items()},
                timeout=timeout or 10.0,
                context=self._context,
                most=self.most,
            )
        except TimeoutError as error:
            raise ConnectionTimeout("Connection timed out during request", errors=(error,)) from error
        except ssl.SSLError as error:
            raise TlsError(str(error), errors=(error,)) from error
        except OSError as error:
            raise ConnectionError(str(error), errors=(error,)) from error
        meta = ApiResponseMeta(
            node=self.config,
            duration=time.monotonic() - began,
            http_version="1.1",
            status=answer.status,
            headers=HttpHeaders(answer.headers),
        )
        return NodeApiResponse(meta, answer.body)

    def close(self) -> None:
        """A connection ends with its exchange."""


def refusal(error: ApiError) -> str:
    """Return that Elasticsearch refuses a request, in our own words.

    What it says is not repeated to those who watch a pipeline: behind a URL of the resource there can be anything.
    """
    return f"Elasticsearch answers HTTP {error.status_code}"


@functools.lru_cache(maxsize=1)
def _public_authorities() -> ssl.SSLContext:
    """Return the context of the client's own nodes: it costs 20 ms to make."""
    return ssl.create_default_context(cafile=certifi.where())


class SmallNode(BoundedNode):
    """A host that is asked for small answers alone, by one who asks many: the operator."""

    most = 1 << 20
