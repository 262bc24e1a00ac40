"""The thin client that makes the index of a pipeline true on an Elasticsearch."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from elasticsearch import ApiError, Elasticsearch, NotFoundError, TransportError

from logpipeline.api import LogPipeline
from logpipeline.elastic.retention import dated_index, expired_indices
from logpipeline.elastic.template import index_template, template_name
from logpipeline.errors import LogPipelineError


def connect(url: str, secret: Mapping[str, str], ca_file: str | None, timeout: float) -> Elasticsearch:
    """Return a client of the hosts in `url` (commas between); `secret` may hold apiKey, or username and password."""
    options: dict[str, Any] = {"request_timeout": timeout, "max_retries": 0}
    if "apiKey" in secret:
        options["api_key"] = secret["apiKey"]
    elif "username" in secret:
        options["basic_auth"] = (secret["username"], secret.get("password", ""))
    if ca_file is not None:
        options["ca_certs"] = ca_file
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
            return str(error).splitlines()[0]
        return None

    def ensure(self) -> None:
        """Put the template and make the index, so that a count answers before the first record; raises
        LogPipelineError.
        """
        try:
            body = index_template(self._pipeline, replicas=self._replicas)
            self._client.indices.put_index_template(
                name=template_name(self._pipeline),
                index_patterns=body["index_patterns"],
                priority=body["priority"],
                template=body["template"],
                meta=body["_meta"],
            )
            self._refuse_the_other_kind()
            concrete = dated_index(self.name, datetime.now(UTC).date()) if self._retention else self.name
            if not self._client.indices.exists(index=concrete):
                self._client.indices.create(index=concrete)
        except (ApiError, TransportError) as error:
            raise LogPipelineError(f"Elasticsearch refuses the index {self.name!r}: {error}") from error

    def _refuse_the_other_kind(self) -> None:
        where = "spec.sink.elasticsearch.retention"
        is_alias = bool(self._client.indices.exists_alias(name=self.name))
        if self._retention and not is_alias and self._client.indices.exists(index=self.name):
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
        """Delete the dated indices that are past the retention and return their names."""
        if self._retention is None:
            return []
        names = self._client.indices.get(index=f"{self.name}-*", expand_wildcards="all", features="aliases").body
        expired = expired_indices(names, self.name, datetime.now(UTC).date(), self._retention)
        for name in expired:
            self._client.indices.delete(index=name, ignore_unavailable=True)
        return expired

    def count(self) -> int | None:
        """Return the number of records, or None when Elasticsearch does not answer."""
        try:
            return int(self._client.count(index=self.name)["count"])
        except NotFoundError:
            return 0
        except (ApiError, TransportError):
            return None
