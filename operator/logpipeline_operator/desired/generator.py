"""The generator of demo traffic."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from typing import Any

from logpipeline.api import LogPipeline
from logpipeline.kafka.properties import client_properties
from logpipeline.traffic import generate_options
from logpipeline_operator.desired import pods, quantities
from logpipeline_operator.desired.addresses import EVERYWHERE, GENERATOR_METRICS_PORT, bootstrap_servers
from logpipeline_operator.desired.component import Component
from logpipeline_operator.desired.secrets import SecretFacts, kafka_secret, librdkafka_client
from logpipeline_operator.settings import Settings

_RESOURCES = {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}}
_START_SECONDS = 120
_CONFIG = "/etc/kafka"


def objects(pipeline: LogPipeline, settings: Settings, secrets: Mapping[str, SecretFacts]) -> list[dict[str, Any]]:
    """Return the objects of the generator, none for a pipeline without one."""
    generator = pipeline.spec.source.generator
    if generator is None:
        return []
    component = Component(pipeline, "generator")
    options = generate_options(pipeline, bootstrap_servers(pipeline, settings))
    options |= {"--metrics-address": EVERYWHERE, "--metrics-port": str(GENERATOR_METRICS_PORT)}
    secret = kafka_secret(pipeline, secrets)
    volumes = [pods.temporary("64Mi")]
    result = []
    config: dict[str, Any] = {}
    if client := librdkafka_client(pipeline, secret):
        data = {"client.properties": client_properties(client)}
        result.append(component.config_map(data))
        volumes.append(pods.files(component, _CONFIG))
        options["--client-config"] = f"{_CONFIG}/client.properties"
        config["files"] = data
    if secret is not None:
        volumes.append(secret.volume("kafka-secret"))
        config["secret"] = secret.facts.digest
    metrics = pods.http("/metrics", GENERATOR_METRICS_PORT)
    container = pods.container(
        "generator",
        generator.image or settings.images.generator,
        quantities.merged(_RESOURCES, generator.resources),
        volumes,
        command=["logpipeline", "generate"],
        # The operator creates the topic, as the resource wants it.
        args=[*chain.from_iterable(options.items()), "--wait-for-topic"],
        ports=[{"name": "metrics", "containerPort": GENERATOR_METRICS_PORT}],
        **pods.probes(startup=metrics, readiness=metrics, liveness=metrics, start_seconds=_START_SECONDS),
    )
    plan = pods.PodPlan([container], volumes, generator.pod, grace_seconds=30, config=config or None)
    spec = {
        "replicas": 1,
        # Two at once would be twice the traffic.
        "strategy": {"type": "Recreate"},
        "revisionHistoryLimit": 2,
        "selector": {"matchLabels": component.selector},
        "template": pods.pod_template(component, plan),
    }
    return [*result, component.object("apps/v1", "Deployment", spec=spec)]
