"""The bridge from the goals' detections to Alertmanager and a webhook."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

from logpipeline.api import LogPipeline
from logpipeline.api.documents import write_document
from logpipeline.api.resource import Metadata, Spec
from logpipeline.api.source import RawTopic, Source, Topic
from logpipeline.kafka.properties import client_properties
from logpipeline.rules import alerts
from logpipeline_operator.desired import pods, quantities
from logpipeline_operator.desired.addresses import (
    ALERT_BRIDGE_METRICS_PORT,
    EVERYWHERE,
    bootstrap_servers,
    goal_url,
    kafka_by_name,
)
from logpipeline_operator.desired.component import Component
from logpipeline_operator.desired.secrets import SecretFacts, kafka_secret, librdkafka_client, receiver_secrets
from logpipeline_operator.settings import Settings

_RESOURCES = {"requests": {"cpu": "20m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}}
_START_SECONDS = 120
_CONFIG = "/etc/logpipeline"


def objects(pipeline: LogPipeline, settings: Settings, secrets: Mapping[str, SecretFacts]) -> list[dict[str, Any]]:
    """Return the objects of the bridge, none for a pipeline in which nothing alerts."""
    alerting, goals = pipeline.spec.alerting, alerts(pipeline)
    if alerting is None or not goals:
        return []
    component = Component(pipeline, "alert-bridge")
    data = {"pipeline.yaml": write_document(_what_it_reads(pipeline).document())}
    args = ["--pipeline", f"{_CONFIG}/pipeline.yaml", "--bootstrap-servers", bootstrap_servers(pipeline, settings)]
    for goal in goals:
        args += ["--goals", goal_url(pipeline, settings, goal)]
    if alerting.kibana_url is not None:
        args += ["--index", pipeline.index()]
    args += ["--metrics-address", EVERYWHERE, "--metrics-port", str(ALERT_BRIDGE_METRICS_PORT)]
    volumes = [pods.files(component, _CONFIG), pods.temporary("16Mi")]
    mounted = {f"--{use}-secret": secret for use, secret in receiver_secrets(pipeline, secrets).items()}
    for option, secret in mounted.items():
        volumes.append(secret.volume(option.removeprefix("--")))
        args += [option, secret.folder]
    digests = [secret.facts.digest for secret in mounted.values()]
    kafka = kafka_secret(pipeline, secrets)
    if client := librdkafka_client(pipeline, kafka):
        data["client.properties"] = client_properties(client)
        args += ["--client-config", f"{_CONFIG}/client.properties"]
    if kafka is not None:
        volumes.append(kafka.volume("kafka-secret"))
        digests.append(kafka.facts.digest)
    health, ready = (pods.http(path, ALERT_BRIDGE_METRICS_PORT) for path in ("/healthz", "/readyz"))
    container = pods.container(
        "alert-bridge",
        alerting.image or settings.images.alert_bridge,
        quantities.merged(_RESOURCES, alerting.resources),
        volumes,
        args=args,
        ports=[{"name": "metrics", "containerPort": ALERT_BRIDGE_METRICS_PORT}],
        **pods.probes(startup=health, readiness=ready, liveness=health, start_seconds=_START_SECONDS),
    )
    config = {"files": data, "secrets": digests}
    plan = pods.PodPlan([container], volumes, alerting.pod, grace_seconds=30, config=config)
    spec = {
        "replicas": 1,
        # Of two, the older one would be fenced off in the middle of its work.
        "strategy": {"type": "Recreate"},
        "revisionHistoryLimit": 2,
        "selector": {"matchLabels": component.selector},
        "template": pods.pod_template(component, plan),
    }
    # The console asks it how many alerts are open.
    service = component.service({"metrics": ALERT_BRIDGE_METRICS_PORT})
    return [component.config_map(data), service, component.object("apps/v1", "Deployment", spec=spec)]


def _what_it_reads(pipeline: LogPipeline) -> LogPipeline:
    """Return the pipeline as the bridge sees it: nothing that it does not read, so that only what concerns it restarts
    it.
    """
    metadata, spec = pipeline.metadata, pipeline.spec
    alerting = spec.alerting
    assert alerting is not None
    goals = [
        goal.model_copy(update={"topic": Topic(name=goal.topic.name), "preset": None, "start_from": "earliest"})
        for goal in spec.goals
        if goal.name in alerts(pipeline)
    ]
    # Topics that it does not read must not have the name of one that it reads.
    taken = {topic.name for topic in pipeline.topics().values()}
    unread = (name for number in itertools.count() if (name := f"unread-{number}") not in taken)
    seen = Spec(
        source=Source(topic=RawTopic(name=next(unread)), invalid_topic=Topic(name=next(unread))),
        kafka=kafka_by_name(pipeline),
        goals=goals,
        alerting=alerting.model_copy(update={"image": None, "resources": None, "pod": type(alerting.pod)()}),
    )
    known = Metadata(name=metadata.name, namespace=metadata.namespace)
    return pipeline.model_copy(update={"metadata": known, "spec": seen, "status": None})
