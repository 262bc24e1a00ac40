"""Where the operator, which is in a namespace of its own, reaches what others run."""

from __future__ import annotations

import pytest

from desired_samples import a_resource
from logpipeline_operator.endpoints import endpoints_of
from logpipeline_operator.settings import Settings

SPEC = {"kafka": {"managed": {}}, "goals": [{"name": "client-rate", "preset": "client-rate"}]}


@pytest.mark.parametrize(
    ("servers", "expected"),
    [
        ("broker:9092", "broker.logs.svc.cluster.local:9092"),
        ("broker:9092,other.team:9092", "broker.logs.svc.cluster.local:9092,other.team:9092"),
        ("10.0.0.1:9092", "10.0.0.1:9092"),
        ("localhost:9092", "localhost:9092"),
    ],
)
def test_a_short_name_is_one_of_the_pipelines_namespace(servers: str, expected: str) -> None:
    pipeline = a_resource({**SPEC, "kafka": {"external": {"bootstrapServers": servers}}})
    assert endpoints_of(pipeline, Settings()).bootstrap_servers == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://search:9200", "http://search.logs.svc.cluster.local:9200"),
        ("http://search", "http://search.logs.svc.cluster.local"),
        ("http://search.example.com:9200", "http://search.example.com:9200"),
    ],
)
def test_of_elasticsearch_too(url: str, expected: str) -> None:
    pipeline = a_resource({**SPEC, "sink": {"elasticsearch": {"external": {"url": url}}}})
    assert endpoints_of(pipeline, Settings()).elasticsearch == expected
