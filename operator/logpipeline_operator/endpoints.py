"""Where the operator reaches the components of a pipeline: pure."""

from __future__ import annotations

from logpipeline.api import LogPipeline
from logpipeline_operator.desired import addresses
from logpipeline_operator.observe.endpoints import Endpoints
from logpipeline_operator.settings import Settings


def endpoints_of(pipeline: LogPipeline, settings: Settings) -> Endpoints:
    """Return the addresses of the pipeline's components, its own or external ones."""
    managed, sink = pipeline.spec.kafka.managed, pipeline.spec.sink
    own = sink.elasticsearch.managed if sink else None
    return Endpoints(
        bootstrap_servers=addresses.bootstrap_servers(pipeline, settings),
        brokers=managed.replicas if managed else None,
        goals={goal.name: addresses.goal_url(pipeline, settings, goal.name) for goal in pipeline.spec.goals},
        connect=addresses.connect_url(pipeline, settings) if sink else None,
        elasticsearch=addresses.elasticsearch_url(pipeline, settings) if sink else None,
        kibana=addresses.kibana_url(pipeline, settings) if own and own.kibana else None,
    )
