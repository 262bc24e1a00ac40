"""Sees to the index of the raw records: template, index, retention; and asks how many there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from elasticsearch import ApiError, Elasticsearch, NotFoundError, TransportError

from logpipeline.api import LogPipeline
from logpipeline.elastic.index import PipelineIndex, connect
from logpipeline.elastic.template import index_template
from logpipeline.elastic.transport import SmallNode
from logpipeline.errors import LogPipelineError
from logpipeline_operator.observe.credentials import SecretValues, elasticsearch_secret, elasticsearch_secret_name
from logpipeline_operator.observe.facts import Fault, FaultKind, IndexFacts
from logpipeline_operator.observe.faults import PeerError, elasticsearch_fault

_SECONDS = 2.0
# How often the template is written and old indices are looked for when nothing points to a change. Elasticsearch takes
# a template that it has already for no change.
_CARE_SECONDS = 600.0


@dataclass
class IndexMemory:
    """What is remembered of a pipeline's index: what it was made of when it was last seen to be right, and when."""

    made_of: Mapping[str, Any] = field(default_factory=dict)
    cared: float = float("-inf")
    fault: Fault | None = None


def observe_index(
    pipeline: LogPipeline, url: str, secrets: SecretValues, memory: IndexMemory, now: float
) -> IndexFacts:
    """Return how the index on the Elasticsearch at `url` is; what is not as it should be is put right on the way.

    `now` is in seconds of any steady clock.
    """
    secret = elasticsearch_secret_name(pipeline)
    try:
        client = connect(url, elasticsearch_secret(pipeline, secrets), _SECONDS, SmallNode)
    except PeerError as error:
        return IndexFacts(fault=error.fault)
    except LogPipelineError:
        return IndexFacts(fault=Fault(FaultKind.SECRET_INVALID, f"ca.crt in the Secret {secret!r} is no certificate"))
    with client:
        try:
            indexed = _count(client, pipeline.index())
            made_of = {"url": url, **index_template(pipeline, replicas=_replicas(pipeline))}
            if indexed is None or made_of != memory.made_of or now - memory.cared > _CARE_SECONDS:
                _care(client, pipeline)
                memory.made_of, memory.cared, memory.fault = made_of, now, None
                indexed = 0 if indexed is None else indexed
        except PeerError as error:
            return IndexFacts(fault=error.fault, ready=False)
        except (ApiError, TransportError) as error:
            return IndexFacts(fault=elasticsearch_fault(error, url, secret))
    return IndexFacts(ready=True, indexed=indexed)


def _replicas(pipeline: LogPipeline) -> int | None:
    # A lone node has nowhere to put a replica; how many an external one holds is its own affair.
    managed = pipeline.spec.sink is not None and pipeline.spec.sink.elasticsearch.managed is not None
    return 0 if managed else None


def _count(client: Elasticsearch, index: str) -> int | None:
    """Return the number of records, None when there is no index; raises as the client does."""
    try:
        return int(client.count(index=index)["count"])
    except NotFoundError:
        return None


def _care(client: Elasticsearch, pipeline: LogPipeline) -> None:
    index = PipelineIndex(client, pipeline, replicas=_replicas(pipeline))
    try:
        late = index.ensure()
        if late is None:
            index.remove_expired()
    except LogPipelineError as error:
        if isinstance(error.__cause__, ApiError | TransportError):
            raise error.__cause__ from error
        raise PeerError(FaultKind.REFUSED, error.message) from error
    if late is not None:
        raise PeerError(FaultKind.UNREACHABLE, "Elasticsearch does not make the index in time")
