"""The smallest pipeline, with what a test wants different."""

from __future__ import annotations

from typing import Any

from logpipeline.api import LogPipeline, parse


def a_pipeline(**spec: Any) -> LogPipeline:
    """A pipeline named `web` with one goal, managed Kafka and Elasticsearch; top-level fields of its spec replaced."""
    defaults = {
        "kafka": {"managed": {}},
        "goals": [{"name": "client-rate", "preset": "client-rate"}],
        "sink": {"elasticsearch": {"managed": {}}},
    }
    given = {name: value for name, value in {**defaults, **spec}.items() if value is not None}
    head = {"apiVersion": "logpipeline.dev/v1alpha1", "kind": "LogPipeline", "metadata": {"name": "web"}}
    return parse({**head, "spec": given})
