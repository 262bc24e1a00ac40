"""Writes docs/metrics.md from the metrics that the components register; with --check it is only compared."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from logpipeline_alert_bridge.metrics import BridgeMetrics
from logpipeline_console.board import Board as ConsoleBoard
from logpipeline_console.metrics import registry_of
from logpipeline_generator.metrics import GeneratorMetrics, ProducerMetrics
from logpipeline_operator.desired.addresses import (
    ALERT_BRIDGE_METRICS_PORT,
    CONNECT_METRICS_PORT,
    CONSOLE_METRICS_PORT,
    GENERATOR_METRICS_PORT,
    GOAL_METRICS_PORT,
    KAFKA_METRICS_PORT,
)
from logpipeline_operator.metrics import REGISTRY
from logpipeline_spark.metrics import BoardCollector, LakeCollector
from logpipeline_spark.progress import Board

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "metrics.md"
KAFKA_RULES = ROOT / "services" / "kafka" / "config" / "metrics.yaml"
HEAD = """\
# Metrics

Made by `make metrics-docs` from the code. Every component answers `/metrics` in the format of Prometheus; on a cluster
its port is named `metrics`, and Prometheus adds `namespace`, `pod` and `pipeline`. No label holds a key of the records,
such as the address of a client: what a goal finds is in its result topic and in its alerts.

Broker and worker tell of themselves through the agent of Prometheus' JMX exporter, which adds those of the JVM
(`jvm_*`); an image of your own has them when it is made from ours.

"""


def families(registry: CollectorRegistry) -> Iterator[Any]:
    """Yield the metrics of a registry that are LogPipeline's own, by name."""
    # The client library has no public list of them with their labels.
    collectors: Iterable[Any] = registry._collector_to_names  # noqa: SLF001
    for collector in collectors:
        yield from ([collector] if hasattr(collector, "_labelnames") else collector.collect())


def kafka_families(*, connect: bool) -> Iterator[Any]:
    """Yield the metrics that the JMX exporter makes of a broker, or of a Connect worker."""
    for rule in yaml.safe_load(KAFKA_RULES.read_text(encoding="utf-8"))["rules"]:
        if rule["name"].startswith("kafka_connect_") == connect:
            family: Any = CounterMetricFamily if rule["type"] == "COUNTER" else GaugeMetricFamily
            yield family(rule["name"], rule["help"], labels=list(rule.get("labels", ())))


def rows(found: Iterable[Any]) -> Iterator[str]:
    """Yield a line of the table a metric."""
    for metric in sorted(found, key=_name):
        if _name(metric).startswith(("logpipeline_", "kafka_")):
            labels = ", ".join(f"`{label}`" for label in metric._labelnames)  # noqa: SLF001
            yield f"| `{_name(metric)}` | {_type(metric)} | {labels} | {_text(metric)} |"


def _type(metric: Any) -> str:
    return str(getattr(metric, "type", None) or metric._type)  # noqa: SLF001


def _name(metric: Any) -> str:
    name = str(getattr(metric, "name", None) or metric._name)  # noqa: SLF001
    return f"{name}_total" if _type(metric) == "counter" else name


def _text(metric: Any) -> str:
    return str(getattr(metric, "documentation", None) or metric._documentation).rstrip(".")  # noqa: SLF001


def document() -> str:
    """Return the whole page."""
    sections = [
        (f"A goal, port {GOAL_METRICS_PORT}", BoardCollector(Board("", {})).collect()),
        (f"The lake's writer, port {GOAL_METRICS_PORT}", LakeCollector(Board("", {})).collect()),
        (f"A managed broker, port {KAFKA_METRICS_PORT}", kafka_families(connect=False)),
        (f"A Connect worker, port {CONNECT_METRICS_PORT}", kafka_families(connect=True)),
        (f"The alert bridge, port {ALERT_BRIDGE_METRICS_PORT}", families(BridgeMetrics("").registry)),
        (f"The console, port {CONSOLE_METRICS_PORT}", families(registry_of(ConsoleBoard(), ""))),
        (f"The generator, port {GENERATOR_METRICS_PORT}", families(GeneratorMetrics().registry)),
        ("`logpipeline produce --metrics-port`", families(ProducerMetrics().registry)),
        ("The operator, port 8080", families(REGISTRY)),
    ]
    parts = []
    for title, found in sections:
        table = "\n".join(["| Metric | Type | Labels | Meaning |", "| --- | --- | --- | --- |", *rows(found)])
        parts.append(f"## {title}\n\n{table}\n")
    return HEAD + "\n".join(parts)


if __name__ == "__main__":
    if "--check" not in sys.argv:
        PAGE.write_text(document(), encoding="utf-8")
    elif PAGE.read_text(encoding="utf-8") != document():
        sys.exit(f"{PAGE} is stale; run `make metrics-docs`")
