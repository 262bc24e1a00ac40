"""Pipelines that between them use every field that reaches an object."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from logpipeline.api import LogPipeline, load, parse_stored
from logpipeline_operator.desired import desired
from logpipeline_operator.render import assumed_secrets, goal_documents
from logpipeline_operator.settings import Settings

SAMPLES = Path(__file__).parents[2] / "manifests" / "samples"
UID = "0e5c1f0a-6b0e-4b3c-9d5e-3f2a1b4c5d6e"
GOAL = {"name": "client-rate", "preset": "client-rate"}
ERRORS = {"name": "host-errors", "preset": "host-errors"}
# Nothing of it is written as the API server stores it.
POD = {
    "labels": {"team": "web", "app.kubernetes.io/name": "mine"},
    "annotations": {"example.org/note": "n"},
    "nodeSelector": {"kubernetes.io/os": "linux"},
    "tolerations": [
        {"key": "dedicated", "operator": "Equal", "value": "logs", "effect": "NoSchedule"},
        {"operator": "Exists"},
    ],
    "affinity": {
        "nodeAffinity": {
            "preferredDuringSchedulingIgnoredDuringExecution": [
                {"weight": 1, "preference": {"matchExpressions": [{"key": "disk", "operator": "Exists", "values": []}]}}
            ]
        },
        "podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": []},
    },
    "priorityClassName": "system-node-critical",
    "imagePullSecrets": ["registry"],
}
RESOURCES = {"requests": {"cpu": "0.25", "memory": "1024Mi"}, "limits": {"cpu": "1000m", "memory": "1.5Gi"}}
WORKLOAD = {"image": "example.org/mine:1", "resources": RESOURCES, "pod": POD}
STORAGE = {"size": "2048Mi", "storageClass": "standard"}

EVERYTHING: dict[str, Any] = {
    "deletePolicy": "Delete",
    "source": {"generator": {**WORKLOAD, "ratePerSecond": 0.5}},
    "kafka": {"managed": {**WORKLOAD, "replicas": 3, "storage": STORAGE, "config": {"log.segment.bytes": "1048576"}}},
    "goals": [GOAL, ERRORS],
    "spark": {**WORKLOAD, "executors": 2, "executorResources": RESOURCES, "checkpoint": {"storage": STORAGE}},
    "sink": {
        "elasticsearch": {"managed": {**WORKLOAD, "storage": STORAGE, "kibana": WORKLOAD}},
        "connect": {**WORKLOAD, "replicas": 2, "config": {"flush.timeout.ms": "9"}},
    },
    "alerting": {
        **WORKLOAD,
        "alertmanager": {"url": "http://alertmanager:9093"},
        "kibanaUrl": "https://kibana.example.org",
        "consoleUrl": "https://console.example.org",
    },
    "lake": {**WORKLOAD, "storage": STORAGE},
    "reports": [
        {"name": "daily", "schedule": "10 0 * * *"},
        {"name": "by-week", "schedule": "@weekly", "window": "7d"},
    ],
    "console": WORKLOAD,
}
EXTERNAL: dict[str, Any] = {
    "kafka": {
        "external": {
            "bootstrapServers": "kafka.example.org:9093",
            "security": {"protocol": "SASL_SSL", "secretRef": {"name": "kafka-login"}},
        }
    },
    "source": {"generator": {}},
    "goals": [GOAL],
    "spark": {
        "executors": 1,
        "checkpoint": {"uri": "s3a://bucket/checkpoints/", "secretRef": {"name": "checkpoint-keys"}},
    },
    "sink": {"elasticsearch": {"external": {"url": "https://es.example.org:9200", "secretRef": {"name": "es-login"}}}},
    "alerting": {
        "alertmanager": {"url": "https://a:9093,https://b:9093", "secretRef": {"name": "alertmanager-login"}},
        "webhook": {"url": "https://hook.example.org/in", "secretRef": {"name": "hook-login"}},
    },
    "lake": {"uri": "s3a://bucket/lake", "secretRef": {"name": "lake-keys"}},
    "reports": [{"name": "daily", "schedule": "10 0 * * *"}],
    "console": {"secretRef": {"name": "console-token"}},
}
MUTUAL: dict[str, Any] = {
    "kafka": {
        "external": {
            "bootstrapServers": "a:9093,b:9093",
            "security": {"protocol": "SSL", "secretRef": {"name": "kafka-certificate"}},
        }
    },
    "source": {"generator": {}},
    "goals": [GOAL],
    "sink": {"elasticsearch": {"managed": {"kibana": {}}}},
}


def a_resource(spec: Mapping[str, Any], name: str = "web", namespace: str = "logs", uid: str = UID) -> LogPipeline:
    """The resource with this spec, as it would be read from a cluster."""
    metadata = {"name": name, "namespace": namespace, "uid": uid, "generation": 1}
    return parse_stored(
        {
            "apiVersion": "logpipeline.dev/v1alpha1",
            "kind": "LogPipeline",
            "metadata": metadata,
            "spec": {key: value for key, value in spec.items() if value is not None},
        }
    ).pipeline


def placed(path: Path) -> LogPipeline:
    """A sample as it would be read from a cluster."""
    document = load(path).model_dump(mode="json", by_alias=True, exclude_none=True)
    return a_resource(document["spec"], document["metadata"]["name"])


PIPELINES = {path.stem: placed(path) for path in sorted(SAMPLES.glob("*.yaml"))}
PIPELINES |= {
    "everything": a_resource(EVERYTHING, name="all"),
    "external": a_resource(EXTERNAL, name="external"),
    "mutual-tls": a_resource(MUTUAL, name="mutual"),
    "long-names": a_resource({**EVERYTHING, "goals": [{**GOAL, "name": "g" * 52}]}, name="p" * 52),
}


def objects_of(pipeline: LogPipeline, **changes: Any) -> list[dict[str, Any]]:
    """The objects of a pipeline with default settings and the Secrets it needs."""
    arguments = {
        "goal_pipelines": goal_documents(pipeline),
        "settings": Settings(),
        "secrets": assumed_secrets(pipeline),
    }
    return desired(pipeline, **{**arguments, **changes})


def one(objects: list[dict[str, Any]], kind: str, name: str) -> dict[str, Any]:
    """The only object of that kind and name."""
    (found,) = [item for item in objects if (item["kind"], item["metadata"]["name"]) == (kind, name)]
    return found


def template_of(objects: list[dict[str, Any]], name: str) -> dict[str, Any]:
    """The pods of the only workload of that name."""
    (found,) = [item for item in objects if "template" in item.get("spec", {}) and item["metadata"]["name"] == name]
    template: dict[str, Any] = found["spec"]["template"]
    return template
