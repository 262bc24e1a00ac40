"""Where the operator reaches the components of a pipeline: pure."""

from __future__ import annotations

import re

from logpipeline.api import LogPipeline
from logpipeline_operator.desired import addresses
from logpipeline_operator.observe.endpoints import Endpoints
from logpipeline_operator.settings import Settings

# The host of `host:port` or `scheme://host:port` when it is a single label.
_SHORT_NAME = re.compile(r"(?:(?<=://)|^)(?!localhost\b)[A-Za-z0-9-]+(?=:\d+(?:/|$)|/|$)")


def endpoints_of(pipeline: LogPipeline, settings: Settings) -> Endpoints:
    """Return the addresses of the pipeline's components, its own or external ones."""
    managed, sink = pipeline.spec.kafka.managed, pipeline.spec.sink
    own = sink.elasticsearch.managed if sink else None
    return Endpoints(
        bootstrap_servers=_from_elsewhere(addresses.bootstrap_servers(pipeline, settings), pipeline, settings),
        brokers=managed.replicas if managed else None,
        goals={goal.name: addresses.goal_url(pipeline, settings, goal.name) for goal in pipeline.spec.goals},
        lake=addresses.lake_url(pipeline, settings) if pipeline.spec.lake else None,
        connect=addresses.connect_url(pipeline, settings) if sink else None,
        elasticsearch=(
            _from_elsewhere(addresses.elasticsearch_url(pipeline, settings), pipeline, settings) if sink else None
        ),
        kibana=addresses.kibana_url(pipeline, settings) if own and own.kibana else None,
    )


def _from_elsewhere(servers: str, pipeline: LogPipeline, settings: Settings) -> str:
    """Return `servers` (host:port or URLs, with commas between) for a reader in another namespace: a name without a dot
    is a Service of the pipeline's own.
    """
    return ",".join(
        _SHORT_NAME.sub(lambda found: addresses.host(pipeline, settings, found[0]), server)
        for server in servers.split(",")
    )
