"""The index template of the raw records: which fields are searched, as what, and what happens to the rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from logpipeline.api import LogPipeline

# Lucene refuses a term of more than 32,766 bytes, and with it the whole record; a character takes up to four.
_LONGEST_KEYWORD = 8191
_KEYWORDS = ("server", "method", "host", "country", "path", "protocol", "referrer", "user_agent")
# Above the templates that Elasticsearch brings (100) and what users make by hand without thinking of a priority.
_LEAST_PRIORITY = 500


def template_name(pipeline: LogPipeline) -> str:
    """Return the name of the index template."""
    return f"logpipeline-{pipeline.index()}"


def index_template(pipeline: LogPipeline, *, replicas: int | None) -> dict[str, Any]:
    """Return the body of the index template; `replicas` None leaves their number to the cluster.

    Fields that are not named are kept in the record and not indexed, and a value that does not fit its field costs that
    field alone, never the record: Elasticsearch ignores a malformed scalar, and the sink writes an object as text.
    """
    sink = pipeline.spec.sink
    assert sink is not None
    name = pipeline.index()
    dated = sink.elasticsearch.retention is not None
    settings: dict[str, Any] = {"number_of_shards": 1, "mapping": {"ignore_malformed": True}}
    if replicas is not None:
        settings["number_of_replicas"] = replicas
    template: dict[str, Any] = {"settings": {"index": settings}, "mappings": mappings()}
    if dated:
        template["aliases"] = {name: {}}
    return {
        "index_patterns": [f"{name}-*" if dated else name],
        # `web-*` also matches the indices of `web-shop`: Elasticsearch refuses two such templates of one priority, and
        # the longer name is the one that is meant.
        "priority": _LEAST_PRIORITY + len(name),
        "template": template,
        "_meta": {"managed_by": "logpipeline", "pipeline": pipeline.name},
    }


def mappings() -> dict[str, Any]:
    """Return how the columns of a record are indexed."""
    properties: dict[str, Any] = {
        # Epoch seconds with a fraction, as number or text, and ISO 8601; kept to the millisecond. The first is what is
        # shown.
        "@timestamp": {"type": "date", "format": "strict_date_optional_time||epoch_second"},
        # A client may stand as a name in an access log (HostnameLookups On): such a value stays in the record
        # unindexed.
        "client_ip": {"type": "ip"},
        "status": {"type": "short"},
        "request_time": {"type": "float"},
        "bytes": {"type": "long"},
    }
    properties |= {name: {"type": "keyword", "ignore_above": _LONGEST_KEYWORD} for name in _KEYWORDS}
    return {"dynamic": False, "properties": dict(sorted(properties.items()))}


INDEXED: Mapping[str, str] = {name: field["type"] for name, field in mappings()["properties"].items()}
"""The type of each field that is indexed."""
