"""The Kafka Connect workers. The connector itself is given to them over their REST API."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from logpipeline.api import LogPipeline
from logpipeline.kafka.connect import jaas_configuration, worker_properties
from logpipeline.kafka.properties import java_properties
from logpipeline_operator.desired import pods, quantities
from logpipeline_operator.desired.addresses import CONNECT_METRICS_PORT, bootstrap_servers, connect_port
from logpipeline_operator.desired.component import Component
from logpipeline_operator.desired.generated import CONNECT_USERS
from logpipeline_operator.desired.secrets import (
    CONNECT_SECRET,
    SecretFacts,
    connect_secret,
    elasticsearch_secret,
    java_client,
    kafka_secret,
)
from logpipeline_operator.settings import Settings

_RESOURCES = {"requests": {"cpu": "100m", "memory": "384Mi"}, "limits": {"memory": "640Mi"}}
_HEAP_SHARE, _MOST_HEAP = Fraction(2, 5), 8192
# It ends by itself when Kafka does not answer, and begins again.
_START_SECONDS = 300
# Where the image keeps its connectors.
_PLUGINS = "/opt/logpipeline/connect-plugins"
_CONFIG = "/etc/kafka"
_USERS = f"{CONNECT_SECRET}/{CONNECT_USERS}"


def objects(pipeline: LogPipeline, settings: Settings, secrets: Mapping[str, SecretFacts]) -> list[dict[str, Any]]:
    """Return the objects of the workers, none for a pipeline without a sink."""
    sink = pipeline.spec.sink
    if sink is None:
        return []
    component = Component(pipeline, "connect")
    port = connect_port(pipeline)
    kafka, elasticsearch = kafka_secret(pipeline, secrets), elasticsearch_secret(pipeline, secrets)
    mounted = {
        "kafka-secret": kafka,
        "elasticsearch-secret": elasticsearch,
        "connect-secret": connect_secret(pipeline, secrets),
    }
    present = {name: secret for name, secret in mounted.items() if secret is not None}
    managed = pipeline.spec.kafka.managed
    properties = worker_properties(
        pipeline,
        bootstrap_servers=bootstrap_servers(pipeline, settings),
        brokers=managed.replicas if managed else None,
        port=port,
        plugin_path=_PLUGINS,
        secret_folder=elasticsearch.folder if elasticsearch else None,
        client=java_client(pipeline, kafka),
        host="",
        protected=True,
    )
    data = {"connect.properties": java_properties(properties), "jaas.conf": jaas_configuration(_USERS)}
    resources = quantities.merged(_RESOURCES, sink.connect.resources)
    heap = quantities.heap_options(quantities.heap_mebibytes(resources, _HEAP_SHARE, _MOST_HEAP))
    volumes = [pods.files(component, _CONFIG), pods.temporary("256Mi")]
    volumes += [secret.volume(name) for name, secret in present.items()]
    # A worker that has not joined its group, or has lost Kafka, says so.
    health = pods.runs("connect-probe", str(port), _USERS)
    container = pods.container(
        "connect",
        sink.connect.image or settings.images.connect,
        resources,
        volumes,
        command=["connect-worker"],
        args=[f"{_CONFIG}/connect.properties"],
        env=pods.environment(
            {
                "KAFKA_HEAP_OPTS": heap,
                "KAFKA_METRICS_PORT": str(CONNECT_METRICS_PORT),
                "KAFKA_OPTS": f"-Djava.security.auth.login.config={_CONFIG}/jaas.conf",
            }
        ),
        ports=[{"name": "rest", "containerPort": port}, {"name": "metrics", "containerPort": CONNECT_METRICS_PORT}],
        # Kafka's absence is no fault of the worker: it is not begun anew for it.
        **pods.probes(startup=health, readiness=health, liveness=pods.connects(port), start_seconds=_START_SECONDS),
    )
    config = {"files": data, "secrets": {name: secret.facts.digest for name, secret in present.items()}}
    plan = pods.PodPlan([container], volumes, sink.connect.pod, grace_seconds=30, config=config, spread=True)
    spec = {
        "replicas": sink.connect.replicas,
        "strategy": {"type": "RollingUpdate"},
        "revisionHistoryLimit": 2,
        "selector": {"matchLabels": component.selector},
        "template": pods.pod_template(component, plan),
    }
    return [
        component.config_map(data),
        component.service({"rest": port}),
        component.object("apps/v1", "Deployment", spec=spec),
    ]
