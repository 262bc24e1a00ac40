"""A goal: one Spark application, by itself in a pod or with executors in pods of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from logpipeline.api import LogPipeline
from logpipeline.api.documents import write_document
from logpipeline_operator.desired import pods, quantities
from logpipeline_operator.desired.addresses import (
    BLOCK_MANAGER_PORT,
    DRIVER_PORT,
    EVERYWHERE,
    GOAL_METRICS_PORT,
    bootstrap_servers,
)
from logpipeline_operator.desired.component import ROLE_LABEL, Component, child_name
from logpipeline_operator.desired.executors import ACCOUNT, TEMPLATE, executor_template
from logpipeline_operator.desired.generated import SPARK_KEY
from logpipeline_operator.desired.secrets import (
    SecretFacts,
    SecretMount,
    checkpoint_secret,
    kafka_secret,
    spark_secret,
)
from logpipeline_operator.settings import Settings

RESOURCES = {"requests": {"cpu": "200m", "memory": "768Mi"}, "limits": {"memory": "2Gi"}}
# Until its process answers, on the busiest node. What comes then has no limit as long as it advances, Kafka that is not
# there yet and a first batch that reads a long history among it.
_START_SECONDS = 600
_CONFIG = "/etc/logpipeline"
_CHECKPOINT = "/checkpoint"
_PORTS = {"metrics": GOAL_METRICS_PORT, "driver": DRIVER_PORT, "block-manager": BLOCK_MANAGER_PORT}


def objects(
    pipeline: LogPipeline, name: str, document: dict[str, Any], settings: Settings, secrets: Mapping[str, SecretFacts]
) -> list[dict[str, Any]]:
    """Return the objects of the goal `name`, whose container reads `document`."""
    spark = pipeline.spec.spark
    component = Component(pipeline, "goal", name)
    mounts = {
        "kafka-secret": kafka_secret(pipeline, secrets),
        "spark-secret": spark_secret(pipeline, secrets),
        "checkpoint-secret": checkpoint_secret(pipeline, secrets),
    }
    present = {use: mount for use, mount in mounts.items() if mount is not None}
    checkpoints, claim = _CHECKPOINT, f"checkpoint-{component.name}-0"
    volumes = [pods.temporary("2Gi")]
    result = []
    if spark.checkpoint.uri is not None:
        # Pipelines may share a folder, and goals of one name must not share their state.
        checkpoints = f"{spark.checkpoint.uri.rstrip('/')}/{pipeline.metadata.namespace}/{pipeline.name}"
    else:
        result.append(component.claim(claim, spark.checkpoint.storage))
        volumes.append(pods.claimed("checkpoint", _CHECKPOINT, claim))
    volumes += [mount.volume(use) for use, mount in present.items()]
    data = {"pipeline.yaml": write_document(document)}
    if spark.executors:
        data[TEMPLATE] = executor_template(component, volumes, shares_volume=spark.checkpoint.uri is None)
    return [
        component.config_map(data),
        *result,
        # The operator asks a goal how it is above all when it is not ready.
        component.service(_PORTS, role="driver", clusterIP="None", publishNotReadyAddresses=True),
        _stateful_set(component, checkpoints, volumes, data, settings, present),
    ]


def _stateful_set(
    component: Component,
    checkpoints: str,
    volumes: list[pods.Volume],
    data: dict[str, str],
    settings: Settings,
    secrets: Mapping[str, SecretMount],
) -> dict[str, Any]:
    pipeline = component.pipeline
    spark = pipeline.spec.spark
    image = spark.image or settings.images.spark
    volumes = [pods.files(component, _CONFIG), *volumes]
    resources = quantities.merged(RESOURCES, spark.resources)
    args = ["--pipeline", f"{_CONFIG}/pipeline.yaml", "--goal", component.item]
    args += ["--bootstrap-servers", bootstrap_servers(pipeline, settings), "--checkpoints", checkpoints]
    args += ["--metrics-address", EVERYWHERE, "--metrics-port", str(GOAL_METRICS_PORT)]
    if (kafka := secrets.get("kafka-secret")) is not None:
        args += ["--kafka-secret", kafka.folder]
    if (store := secrets.get("checkpoint-secret")) is not None:
        args += ["--checkpoint-secret", store.folder]
    # What is invalid is so for every goal: one of them tells.
    args.append("--report-invalid" if component.item == pipeline.spec.goals[0].name else "--no-report-invalid")
    extra: dict[str, Any] = {}
    env = {}
    if spark.executors:
        args += ["--executors", str(spark.executors), "--executor-image", image]
        args += ["--executor-template", f"{_CONFIG}/{TEMPLATE}"]
        args += ["--executor-secret", f"{secrets['spark-secret'].folder}/{SPARK_KEY}"]
        extra = {"serviceAccountName": child_name(pipeline.name, ACCOUNT), "automountServiceAccountToken": True}
        fields = pods.pod_fields(POD_NAME="metadata.name", POD_NAMESPACE="metadata.namespace", POD_IP="status.podIP")
        env = {"env": fields}
    container = pods.container(
        "goal",
        image,
        resources,
        volumes,
        command=["python", "-m", "logpipeline_spark.goal"],
        args=args,
        ports=[{"name": name, "containerPort": port} for name, port in _PORTS.items()],
        **env,
        **pods.probes(
            startup=pods.http("/healthz", GOAL_METRICS_PORT),
            readiness=pods.http("/readyz", GOAL_METRICS_PORT),
            liveness=pods.http("/healthz", GOAL_METRICS_PORT),
            start_seconds=_START_SECONDS,
        ),
    )
    config = {"files": data, "secret": kafka.facts.digest if kafka else None}
    if (shared := secrets.get("spark-secret")) is not None:
        config["shared"] = shared.facts.digest
    if store is not None:
        config["store"] = store.facts.digest
    role = {ROLE_LABEL: "driver"}
    plan = pods.PodPlan(
        [container], volumes, spark.pod, grace_seconds=60, config=config, spread=True, labels=role, extra=extra
    )
    return pods.stateful_set(component, plan)
