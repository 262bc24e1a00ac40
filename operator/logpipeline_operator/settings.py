"""What the operator was installed with, the same for every pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import logpipeline

_OURS = "docker.io/logpipeline"
_ELASTIC = "docker.elastic.co"
_ELASTIC_VERSION = "8.19.21"


def _ours(name: str) -> str:
    return f"{_OURS}/{name}:{logpipeline.__version__}"


@dataclass(frozen=True)
class Images:
    """The image of each component whose resource names none."""

    kafka: str = _ours("kafka")
    connect: str = _ours("kafka-connect")
    generator: str = _ours("log-generator")
    spark: str = _ours("spark")
    alert_bridge: str = _ours("alert-bridge")
    console: str = _ours("console")
    report: str = _ours("report")
    elasticsearch: str = f"{_ELASTIC}/elasticsearch/elasticsearch:{_ELASTIC_VERSION}"
    kibana: str = f"{_ELASTIC}/kibana/kibana:{_ELASTIC_VERSION}"


@dataclass(frozen=True)
class OperatorPods:
    """Where the operator's own pods are, for the NetworkPolicies that let them in: their namespace and their labels."""

    namespace: str = "logpipeline-system"
    labels: Mapping[str, str] = field(
        default_factory=lambda: {
            "app.kubernetes.io/name": "logpipeline-operator",
            "app.kubernetes.io/component": "operator",
        }
    )


@dataclass(frozen=True)
class Settings:
    """Settings of the installation. `cluster_domain` is the suffix of the cluster's DNS names."""

    images: Images = field(default_factory=Images)
    cluster_domain: str = "cluster.local"
    operator: OperatorPods = field(default_factory=OperatorPods)
