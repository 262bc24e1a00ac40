"""The page that shows the pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from logpipeline.api import LogPipeline
from logpipeline.api.alerting import Alert, Alerting, Webhook
from logpipeline.api.documents import write_document
from logpipeline.api.lake import Lake
from logpipeline.api.resource import Metadata, Spec
from logpipeline.api.sink import Elasticsearch, ManagedElasticsearch, Sink
from logpipeline.api.source import Generator, RawTopic, Source, Topic
from logpipeline.kafka.properties import client_properties
from logpipeline.rules import alerts
from logpipeline_operator.desired import pods, quantities
from logpipeline_operator.desired.addresses import (
    CONSOLE_METRICS_PORT,
    CONSOLE_PORT,
    EVERYWHERE,
    alert_bridge_url,
    bootstrap_servers,
    connect_url,
    elasticsearch_url,
    goal_url,
    kafka_by_name,
    lake_url,
)
from logpipeline_operator.desired.component import Component
from logpipeline_operator.desired.secrets import (
    SecretFacts,
    SecretMount,
    connect_secret,
    console_secret,
    elasticsearch_secret,
    kafka_secret,
    librdkafka_client,
)
from logpipeline_operator.settings import Settings

_RESOURCES = {"requests": {"cpu": "20m", "memory": "96Mi"}, "limits": {"memory": "256Mi"}}
_START_SECONDS = 120
_CONFIG = "/etc/logpipeline"


def objects(pipeline: LogPipeline, settings: Settings, secrets: Mapping[str, SecretFacts]) -> list[dict[str, Any]]:
    """Return the objects of the console, none for a pipeline that has none.

    Without a token it listens to its own pod alone, which is where a port-forward ends.
    """
    console = pipeline.spec.console
    if console is None:
        return []
    component = Component(pipeline, "console")
    data = {"pipeline.yaml": write_document(_what_it_reads(pipeline).document())}
    mounts = {
        "kafka-secret": kafka_secret(pipeline, secrets),
        "elasticsearch-secret": elasticsearch_secret(pipeline, secrets),
        "connect-secret": connect_secret(pipeline, secrets),
        "token": console_secret(pipeline, secrets),
    }
    if client := librdkafka_client(pipeline, mounts["kafka-secret"]):
        data["client.properties"] = client_properties(client)
    volumes = [pods.files(component, _CONFIG), pods.temporary("16Mi")]
    volumes += [mount.volume(name) for name, mount in mounts.items() if mount is not None]
    health = pods.http("/healthz", CONSOLE_METRICS_PORT)
    container = pods.container(
        "console",
        console.image or settings.images.console,
        quantities.merged(_RESOURCES, console.resources),
        volumes,
        args=_args(pipeline, settings, mounts, secured="client.properties" in data),
        ports=[
            {"name": "http", "containerPort": CONSOLE_PORT},
            {"name": "metrics", "containerPort": CONSOLE_METRICS_PORT},
        ],
        **pods.probes(startup=health, readiness=health, liveness=health, start_seconds=_START_SECONDS),
    )
    config = {"files": data, "secrets": [mount.facts.digest for mount in mounts.values() if mount is not None]}
    plan = pods.PodPlan([container], volumes, console.pod, grace_seconds=10, config=config)
    spec = {
        "replicas": 1,
        "revisionHistoryLimit": 2,
        "selector": {"matchLabels": component.selector},
        "template": pods.pod_template(component, plan),
    }
    services = [component.service({"http": CONSOLE_PORT})] if mounts["token"] is not None else []
    return [component.config_map(data), *services, component.object("apps/v1", "Deployment", spec=spec)]


def _args(
    pipeline: LogPipeline, settings: Settings, mounts: Mapping[str, SecretMount | None], *, secured: bool
) -> list[str]:
    args = ["--file", f"{_CONFIG}/pipeline.yaml", "--bootstrap-servers", bootstrap_servers(pipeline, settings)]
    if secured:
        args += ["--client-config", f"{_CONFIG}/client.properties"]
    for goal in pipeline.spec.goals:
        args += ["--goals", goal_url(pipeline, settings, goal.name)]
    if pipeline.spec.sink is not None:
        args += ["--connect", connect_url(pipeline, settings)]
        args += ["--elasticsearch", elasticsearch_url(pipeline, settings)]
    if (connect := mounts["connect-secret"]) is not None:
        args += ["--connect-secret", connect.folder]
    if (elasticsearch := mounts["elasticsearch-secret"]) is not None:
        args += ["--elasticsearch-secret", elasticsearch.folder]
    if alerts(pipeline):
        args += ["--alert-bridge", alert_bridge_url(pipeline, settings)]
    if pipeline.spec.lake is not None:
        args += ["--lake", lake_url(pipeline, settings)]
    if (token := mounts["token"]) is not None:
        args += ["--host", EVERYWHERE, "--token-file", f"{token.folder}/token"]
    args += ["--port", str(CONSOLE_PORT)]
    return [*args, "--metrics-address", EVERYWHERE, "--metrics-port", str(CONSOLE_METRICS_PORT)]


def _what_it_reads(pipeline: LogPipeline) -> LogPipeline:
    """Return the pipeline as the console sees it: nothing that it does not show, so that only what concerns it restarts
    it.
    """
    metadata, spec, topics = pipeline.metadata, pipeline.spec, pipeline.topics()
    named = {use: Topic(name=topic.name) for use, topic in topics.items()}
    goals = [
        goal.model_copy(
            update={
                "topic": named[f"goal {goal.name}"],
                "start_from": "earliest",
                "state_version": 1,
                "alert": Alert(quiet_period=goal.alert.quiet_period),
            }
        )
        for goal in spec.goals
    ]
    seen = Spec(
        source=Source(
            topic=RawTopic(name=topics["raw"].name),
            invalid_topic=named["invalid"],
            generator=None if spec.source.generator is None else Generator(),
        ),
        kafka=kafka_by_name(pipeline),
        goals=goals,
        sink=None
        if spec.sink is None
        else Sink(
            elasticsearch=Elasticsearch(managed=ManagedElasticsearch(), index=pipeline.index()),
            dead_letter_topic=named["sink-dead-letters"],
        ),
        lake=None if spec.lake is None else Lake(uri=spec.lake.uri),
        alerting=None if not alerts(pipeline) else Alerting(webhook=Webhook(url="http://alert-bridge")),
    )
    known = Metadata(name=metadata.name, namespace=metadata.namespace)
    return pipeline.model_copy(update={"metadata": known, "spec": seen, "status": None})
