"""The writer of the lake: one Spark application."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from logpipeline.api import LogPipeline
from logpipeline.lake.settings import KafkaSettings, lake_settings
from logpipeline.settings import to_text
from logpipeline_operator.desired import pods, quantities
from logpipeline_operator.desired.addresses import EVERYWHERE, LAKE_METRICS_PORT, bootstrap_servers
from logpipeline_operator.desired.component import Component
from logpipeline_operator.desired.secrets import SecretFacts, SecretMount, kafka_secret, lake_secret
from logpipeline_operator.settings import Settings

_RESOURCES = {"requests": {"cpu": "200m", "memory": "1Gi"}, "limits": {"memory": "2Gi"}}
_START_SECONDS = 600
_CONFIG, _SETTINGS = "/etc/logpipeline", "lake.yaml"
_FOLDER = "/lake"


def objects(pipeline: LogPipeline, settings: Settings, secrets: Mapping[str, SecretFacts]) -> list[dict[str, Any]]:
    """Return the objects of the lake's writer, none for a pipeline without a lake."""
    lake = pipeline.spec.lake
    if lake is None:
        return []
    component = Component(pipeline, "lake")
    mounts = {"kafka-secret": kafka_secret(pipeline, secrets), "lake-secret": lake_secret(pipeline, secrets)}
    present = {use: mount for use, mount in mounts.items() if mount is not None}
    data = {_SETTINGS: to_text(_settings(pipeline, settings, present))}
    volumes = [pods.files(component, _CONFIG), pods.temporary("2Gi")]
    volumes += [mount.volume(use) for use, mount in present.items()]
    claims = []
    if lake.uri is None:
        claims.append(component.claim(_claim(pipeline), lake.storage))
        volumes.append(volume(pipeline))
    container = pods.container(
        "lake",
        lake.image or settings.images.spark,
        quantities.merged(_RESOURCES, lake.resources),
        volumes,
        command=["python", "-m", "logpipeline_spark.lake"],
        args=["--settings", f"{_CONFIG}/{_SETTINGS}"],
        ports=[{"name": "metrics", "containerPort": LAKE_METRICS_PORT}],
        **pods.probes(
            startup=pods.http("/healthz", LAKE_METRICS_PORT),
            readiness=pods.http("/readyz", LAKE_METRICS_PORT),
            liveness=pods.http("/healthz", LAKE_METRICS_PORT),
            start_seconds=_START_SECONDS,
        ),
    )
    config = {"files": data, "secrets": [mount.facts.digest for mount in present.values()]}
    plan = pods.PodPlan([container], volumes, lake.pod, grace_seconds=60, config=config)
    # One pod and never two: a table has one writer.
    service = component.service({"metrics": LAKE_METRICS_PORT}, clusterIP="None", publishNotReadyAddresses=True)
    return [component.config_map(data), *claims, service, pods.stateful_set(component, plan)]


def uri(pipeline: LogPipeline) -> str:
    """Return where the lake of `pipeline` is, as its pods see it."""
    assert pipeline.spec.lake is not None
    return pipeline.spec.lake.uri or f"file://{_FOLDER}"


def volume(pipeline: LogPipeline) -> pods.Volume:
    """Return the volume of a lake without a uri, in the pods that mount it."""
    return pods.claimed("lake", _FOLDER, _claim(pipeline))


def _claim(pipeline: LogPipeline) -> str:
    return f"lake-{Component(pipeline, 'lake').name}-0"


def _settings(pipeline: LogPipeline, settings: Settings, mounts: Mapping[str, SecretMount]) -> Any:
    lake, external = pipeline.spec.lake, pipeline.spec.kafka.external
    assert lake is not None
    folders = {use: Path(mount.folder) for use, mount in mounts.items()}
    kafka = KafkaSettings(
        bootstrap_servers=bootstrap_servers(pipeline, settings),
        security=external.security if external else None,
        secret_folder=folders.get("kafka-secret"),
    )
    return lake_settings(
        pipeline,
        owner=f"{pipeline.metadata.namespace}/{pipeline.name}",
        uri=uri(pipeline),
        kafka=kafka,
        secret_folder=folders.get("lake-secret"),
        metrics_address=EVERYWHERE,
        metrics_port=LAKE_METRICS_PORT,
    )
