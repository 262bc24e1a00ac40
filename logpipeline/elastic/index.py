"""The thin client that makes the index of a pipeline true on an Elasticsearch."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from elasticsearch import ApiError, Elasticsearch, NotFoundError, TransportError

from logpipeline.api import LogPipeline
from logpipeline.elastic.retention import dated_index, expired_indices
from logpipeline.elastic.template import index_template, template_name
from logpipeline.elastic.transport import BoundedNode
from logpipeline.errors import LogPipelineError, first_line

# Making or removing an index waits for the cluster's state, which a busy machine writes slowly.
_CHANGE_SECONDS = 30.0
_SERVER_ERROR, _TOO_MANY = 500, 429


def connect(
    url: str, secret: Mapping[str, str], timeout: float, node: type[BoundedNode] = BoundedNode
) -> Elasticsearch:
    """Return a client of the hosts in `url` (commas between); `node` says how large an answer may be.

    `secret` may hold apiKey, or username and password, and ca.crt; raises LogPipelineError when that is no certificate.
    """
    options: dict[str, Any] = {"request_timeout": timeout, "max_retries": 0, "node_class": node}
    if "apiKey" in secret:
        options["api_key"] = secret["apiKey"]
    elif "username" in secret:
        options["basic_auth"] = (secret["username"], secret.get("password", ""))
    if "ca.crt" in secret and "https:" in url:
        try:
            options["ssl_context"] = ssl.create_default_context(cadata=secret["ca.crt"])
        except (ssl.SSLError, ValueError) as error:
            raise LogPipelineError("ca.crt in the Secret of Elasticsearch is not a certificate in PEM") from error
    return Elasticsearch(url.split(","), **options)


class PipelineIndex:
    """The index, or alias, of one pipeline's raw records."""

    def __init__(self, client: Elasticsearch, pipeline: LogPipeline, *, replicas: int | None) -> None:
        assert pipeline.spec.sink is not None
        self._client = client
        self._pipeline = pipeline
        self._replicas = replicas
        self._retention = pipeline.spec.sink.elasticsearch.retention
        self.name = pipeline.index()

    def unreachable(self) -> str | None:
        """Return why Elasticsearch does not answer, or None when it does."""
        try:
            self._client.info()
        except (ApiError, TransportError) as error:
            return first_line(error)
        return None

    def ensure(self) -> str | None:
        """Make template and index true, so that a count answers before the first record.

        Returns None when they are, else why not yet; raises LogPipelineError for what Elasticsearch refuses for good.
        """
        try:
            self._ensure(self._client.options(request_timeout=_CHANGE_SECONDS))
        except ApiError as error:
            if error.status_code < _SERVER_ERROR and error.status_code != _TOO_MANY:
                raise LogPipelineError(f"Elasticsearch refuses the index {self.name!r}: {error}") from error
            return str(error)
        except TransportError as error:
            return str(error)
        return None

    def _ensure(self, client: Elasticsearch) -> None:
        body = index_template(self._pipeline, replicas=self._replicas)
        client.indices.put_index_template(
            name=template_name(self._pipeline),
            index_patterns=body["index_patterns"],
            priority=body["priority"],
            template=body["template"],
            meta=body["_meta"],
        )
        self._refuse_the_other_kind(client)
        concrete = dated_index(self.name, datetime.now(UTC).date()) if self._retention else self.name
        if not client.indices.exists(index=concrete):
            client.indices.create(index=concrete)

    def _refuse_the_other_kind(self, client: Elasticsearch) -> None:
        where = "spec.sink.elasticsearch.retention"
        is_alias = bool(client.indices.exists_alias(name=self.name))
        if self._retention and not is_alias and client.indices.exists(index=self.name):
            raise LogPipelineError(
                f"{where}: {self.name!r} is a plain index here and retention needs an alias of that name; "
                "leave retention out, choose another spec.sink.elasticsearch.index, or remove the old index"
            )
        if not self._retention and is_alias:
            raise LogPipelineError(
                f"{where}: {self.name!r} is an alias of dated indices here, which need retention; "
                "set retention again, choose another spec.sink.elasticsearch.index, or remove the dated indices"
            )

    def remove_expired(self) -> list[str]:
        """Delete the dated indices that are past the retention and return their names; raises LogPipelineError."""
        if self._retention is None:
            return []
        client = self._client.options(request_timeout=_CHANGE_SECONDS)
        try:
            names = client.indices.get(index=f"{self.name}-*", expand_wildcards="all", features="aliases").body
            expired = expired_indices(names, self.name, datetime.now(UTC).date(), self._retention)
            for name in expired:
                client.indices.delete(index=name, ignore_unavailable=True)
        except (ApiError, TransportError) as error:
            raise LogPipelineError(f"Elasticsearch does not remove what is past its retention: {error}") from error
        return expired

    def count(self) -> int | None:
        """Return the number of records, or None when Elasticsearch does not answer."""
        try:
            return int(self._client.count(index=self.name)["count"])
        except NotFoundError:
            return 0
        except (ApiError, TransportError):
            return None
