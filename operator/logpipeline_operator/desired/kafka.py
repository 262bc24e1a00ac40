"""The managed Kafka: one or three KRaft nodes, each broker and controller."""

from __future__ import annotations

import base64
import hashlib
from fractions import Fraction
from typing import Any

from logpipeline.api import LogPipeline
from logpipeline.api.kafka import ManagedKafka
from logpipeline.kafka.broker import Node, broker_properties
from logpipeline.kafka.properties import java_properties
from logpipeline_operator.desired import pods, quantities
from logpipeline_operator.desired.addresses import (
    CONTROLLER_PORT,
    KAFKA_METRICS_PORT,
    bootstrap_service,
    host,
    kafka_port,
)
from logpipeline_operator.desired.component import Component, child_name, claim_spec
from logpipeline_operator.settings import Settings

_RESOURCES = {"requests": {"cpu": "200m", "memory": "512Mi"}, "limits": {"memory": "768Mi"}}
# Most of what a broker serves comes out of the page cache, which is in the limit too.
_HEAP_SHARE, _MOST_HEAP = Fraction(1, 3), 6144
# After a crash it reads the last segment of every partition before it answers.
_START_SECONDS = 600


def objects(pipeline: LogPipeline, settings: Settings) -> list[dict[str, Any]]:
    """Return the objects of the managed Kafka, none for an external one."""
    managed = pipeline.spec.kafka.managed
    if managed is None:
        return []
    component = Component(pipeline, "kafka")
    port = kafka_port(pipeline)
    ports = {"kafka": port, "controller": CONTROLLER_PORT}
    config = _files(component, managed, settings)
    result = [component.config_map(config)]
    result += [
        component.claim(f"data-{component.name}-{ordinal}", managed.storage) for ordinal in range(managed.replicas)
    ]
    result += [
        # Nodes that are not ready have to find each other to become so.
        component.service(ports, _brokers(pipeline), clusterIP="None", publishNotReadyAddresses=True),
        component.service({"kafka": port}, bootstrap_service(pipeline)),
    ]
    # One node alone has nobody to stand in for it: a budget would only stop a node from being drained.
    if managed.replicas > 1:
        budget = {"maxUnavailable": 1, "selector": {"matchLabels": component.selector}}
        result.append(component.object("policy/v1", "PodDisruptionBudget", spec=budget))
    return [*result, _stateful_set(component, managed, settings, config, ports)]


def _brokers(pipeline: LogPipeline) -> str:
    return child_name(pipeline.name, "kafka", "brokers")


def _files(component: Component, managed: ManagedKafka, settings: Settings) -> dict[str, str]:
    """Return each node's properties file by the name that its container asks for."""
    pipeline = component.pipeline
    names = [f"{component.name}-{ordinal}" for ordinal in range(managed.replicas)]
    service, port = _brokers(pipeline), kafka_port(pipeline)
    nodes = [
        Node(ordinal, host(pipeline, settings, f"{name}.{service}"), port, CONTROLLER_PORT)
        for ordinal, name in enumerate(names)
    ]
    return {
        f"{name}.properties": java_properties(
            # Below the volume's own folder, where a file system may keep its lost+found.
            broker_properties(node, nodes, data="/data/kafka", listen="", config=managed.config)
        )
        for name, node in zip(names, nodes, strict=True)
    }


def _stateful_set(
    component: Component, managed: ManagedKafka, settings: Settings, config: dict[str, str], ports: dict[str, int]
) -> dict[str, Any]:
    resources = quantities.merged(_RESOURCES, managed.resources)
    heap = quantities.heap_options(quantities.heap_mebibytes(resources, _HEAP_SHARE, _MOST_HEAP))
    volumes = [
        pods.Volume("data", "/data", None),
        pods.files(component, "/etc/kafka"),
        pods.temporary("256Mi"),
    ]
    # Speaks Kafka to the node: acceptor, network thread and request handler all work. No JVM is started for it.
    answers = pods.runs("kafka-probe", str(ports["kafka"]))
    container = pods.container(
        "kafka",
        managed.image or settings.images.kafka,
        resources,
        volumes,
        command=["kafka-broker"],
        args=["/etc/kafka/$(POD_NAME).properties"],
        env=[
            *pods.pod_fields(POD_NAME="metadata.name"),
            *pods.environment(
                {
                    "KAFKA_CLUSTER_ID": cluster_id(component.pipeline),
                    "KAFKA_HEAP_OPTS": heap,
                    "KAFKA_METRICS_PORT": str(KAFKA_METRICS_PORT),
                }
            ),
        ],
        ports=[
            {"name": name, "containerPort": port} for name, port in (ports | {"metrics": KAFKA_METRICS_PORT}).items()
        ],
        **pods.probes(startup=answers, readiness=answers, liveness=answers, start_seconds=_START_SECONDS),
    )
    plan = pods.PodPlan([container], volumes, managed.pod, grace_seconds=60, config=config, spread=True, zones=True)
    claim = {"metadata": {"name": "data"}, "spec": claim_spec(managed.storage)}
    return component.object(
        "apps/v1",
        "StatefulSet",
        spec={
            "replicas": managed.replicas,
            "serviceName": _brokers(component.pipeline),
            "podManagementPolicy": "Parallel",
            # Kubernetes knows nothing of in-sync replicas: the operator takes the pods one by one.
            "updateStrategy": {"type": "OnDelete"},
            "revisionHistoryLimit": 2,
            "selector": {"matchLabels": component.selector},
            "template": pods.pod_template(component, plan),
            "volumeClaimTemplates": [claim],
        },
    )


def cluster_id(pipeline: LogPipeline) -> str:
    """Return the cluster's id, 16 bytes in base64url, the same on every node.

    It comes from the pipeline's name: volumes that outlive a pipeline fit the next one of its name.
    """
    whole = hashlib.sha256(f"{pipeline.metadata.namespace}/{pipeline.name}".encode()).digest()[:16]
    # An id that starts with '-' would be read as an option; without its highest bit the first letter is one of A to f.
    return base64.urlsafe_b64encode(bytes([whole[0] & 0x7F]) + whole[1:]).decode().rstrip("=")
