"""Where a pipeline's parts are reached from inside the cluster, by its own pods and by the operator."""

from __future__ import annotations

from logpipeline.api import LogPipeline
from logpipeline.api.kafka import ExternalKafka, Kafka, ManagedKafka
from logpipeline_operator.desired.component import Component, child_name
from logpipeline_operator.settings import Settings

KAFKA_PORT = 9092
CONTROLLER_PORT = 9093
CONNECT_PORT = 8083
ELASTICSEARCH_PORT = 9200
KIBANA_PORT = 5601
GOAL_METRICS_PORT = 9405
DRIVER_PORT = 7078
BLOCK_MANAGER_PORT = 7079
GENERATOR_METRICS_PORT = 9404
ALERT_BRIDGE_METRICS_PORT = 9406
KAFKA_METRICS_PORT = 9407
CONNECT_METRICS_PORT = 9408
CONSOLE_METRICS_PORT = 9409
LAKE_METRICS_PORT = 9410
CONSOLE_PORT = 8080


EVERYWHERE = "0.0.0.0"  # noqa: S104 - the pod's own network


def host(pipeline: LogPipeline, settings: Settings, name: str) -> str:
    """Return the DNS name of a Service of the pipeline, or of `pod.service`."""
    return f"{name}.{pipeline.metadata.namespace}.svc.{settings.cluster_domain}"


def _url(component: Component, settings: Settings, port: int) -> str:
    return f"http://{host(component.pipeline, settings, component.name)}:{port}"


def kafka_port(pipeline: LogPipeline) -> int:
    """Return the client port of the managed Kafka."""
    managed = pipeline.spec.kafka.managed
    return (managed.port if managed else None) or KAFKA_PORT


def bootstrap_service(pipeline: LogPipeline) -> str:
    """Return the name of the Service that stands for whichever broker is ready."""
    return child_name(pipeline.name, "kafka", "bootstrap")


def bootstrap_servers(pipeline: LogPipeline, settings: Settings) -> str:
    """Return Kafka's bootstrap servers, the managed one's or those that the resource names."""
    external = pipeline.spec.kafka.external
    if external is not None:
        return external.bootstrap_servers
    return f"{host(pipeline, settings, bootstrap_service(pipeline))}:{kafka_port(pipeline)}"


def kafka_by_name(pipeline: LogPipeline) -> Kafka:
    """Return `spec.kafka` as a component reads it that has addresses and credentials from its arguments: what the
    pipeline is called there, and nothing else.
    """
    external = pipeline.spec.kafka.external
    if external is None or external.pipeline_name is None:
        return Kafka(managed=ManagedKafka())
    return Kafka(
        external=ExternalKafka(bootstrap_servers=external.bootstrap_servers, pipeline_name=external.pipeline_name)
    )


def connect_port(pipeline: LogPipeline) -> int:
    """Return the REST port of the Connect workers."""
    sink = pipeline.spec.sink
    return (sink.connect.port if sink else None) or CONNECT_PORT


def connect_url(pipeline: LogPipeline, settings: Settings) -> str:
    """Return the URL of Connect's REST API."""
    return _url(Component(pipeline, "connect"), settings, connect_port(pipeline))


def elasticsearch_port(pipeline: LogPipeline) -> int:
    """Return the HTTP port of the managed Elasticsearch."""
    sink = pipeline.spec.sink
    managed = sink.elasticsearch.managed if sink else None
    return (managed.port if managed else None) or ELASTICSEARCH_PORT


def elasticsearch_url(pipeline: LogPipeline, settings: Settings) -> str:
    """Return Elasticsearch's URL, the managed one's or what the resource names (several with commas between).

    The pipeline has a sink.
    """
    sink = pipeline.spec.sink
    assert sink is not None
    if sink.elasticsearch.external is not None:
        return sink.elasticsearch.external.url
    return _url(Component(pipeline, "elasticsearch"), settings, elasticsearch_port(pipeline))


def kibana_url(pipeline: LogPipeline, settings: Settings) -> str:
    """Return the URL of the managed Kibana."""
    return _url(Component(pipeline, "kibana"), settings, KIBANA_PORT)


def goal_url(pipeline: LogPipeline, settings: Settings, goal: str) -> str:
    """Return the URL under which a goal tells of itself: /progress, /metrics, /healthz, /readyz."""
    return _url(Component(pipeline, "goal", goal), settings, GOAL_METRICS_PORT)


def lake_url(pipeline: LogPipeline, settings: Settings) -> str:
    """Return the URL under which the lake's writer reports: /progress, /metrics, /healthz, /readyz."""
    return _url(Component(pipeline, "lake"), settings, LAKE_METRICS_PORT)


def alert_bridge_url(pipeline: LogPipeline, settings: Settings) -> str:
    """Return the URL under which the alert bridge tells of itself: /metrics, /healthz, /readyz."""
    return _url(Component(pipeline, "alert-bridge"), settings, ALERT_BRIDGE_METRICS_PORT)
