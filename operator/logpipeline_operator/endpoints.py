"""Where the components of a pipeline answer inside the cluster: pure."""

from __future__ import annotations

from logpipeline.api import LogPipeline
from logpipeline_operator.desired.component import Component
from logpipeline_operator.observe.endpoints import Endpoints
from logpipeline_operator.settings import Settings

KAFKA_PORT, CONNECT_PORT, ELASTICSEARCH_PORT, KIBANA_PORT, GOAL_PORT = 9092, 8083, 9200, 5601, 9405


def endpoints_of(pipeline: LogPipeline, settings: Settings) -> Endpoints:
    """Return the addresses of the pipeline's components, its own or external ones."""
    suffix = f"{pipeline.metadata.namespace}.svc.{settings.cluster_domain}"

    def host(kind: str, goal: str | None = None, ending: str = "") -> str:
        return f"{Component(pipeline, kind, goal).name}{ending}.{suffix}"

    kafka, sink = pipeline.spec.kafka, pipeline.spec.sink
    managed = kafka.managed
    elasticsearch = sink.elasticsearch if sink else None
    own = elasticsearch.managed if elasticsearch else None
    url = f"http://{host('elasticsearch')}:{own.port or ELASTICSEARCH_PORT}" if own else None
    if elasticsearch is not None and elasticsearch.external is not None:
        url = elasticsearch.external.url
    return Endpoints(
        bootstrap_servers=kafka.external.bootstrap_servers
        if kafka.external
        else f"{host('kafka', ending='-bootstrap')}:{(managed.port if managed else None) or KAFKA_PORT}",
        brokers=managed.replicas if managed else None,
        goals={goal.name: f"http://{host('goal', goal.name)}:{GOAL_PORT}" for goal in pipeline.spec.goals},
        connect=f"http://{host('connect')}:{(sink.connect.port if sink else None) or CONNECT_PORT}" if sink else None,
        elasticsearch=url,
        kibana=f"http://{host('kibana')}:{KIBANA_PORT}" if own and own.kibana else None,
    )
