"""Who may connect to which port of a pipeline's pods: a NetworkPolicy for each component, and nobody else gets in.

Probes need no rule: a pod is always reached from its own node
(https://kubernetes.io/docs/concepts/services-networking/network-policies/).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from logpipeline.api import LogPipeline
from logpipeline.api.network import Peer
from logpipeline.rules import alerts
from logpipeline_operator.desired import addresses
from logpipeline_operator.desired.component import Component
from logpipeline_operator.settings import OperatorPods, Settings


@dataclass(frozen=True)
class _Opening:
    """Ports and who may connect to them: components of the pipeline, the operator, peers that the resource names."""

    ports: tuple[int, ...]
    components: tuple[Component, ...] = ()
    operator: bool = False
    others: Sequence[Peer] = ()


def objects(pipeline: LogPipeline, settings: Settings) -> list[dict[str, Any]]:
    """Return the NetworkPolicies of all components, none where the resource switches them off."""
    if not pipeline.spec.network_policy.enabled:
        return []
    return [_policy(component, openings, settings.operator) for component, openings in _openings(pipeline)]


def _openings(pipeline: LogPipeline) -> Iterator[tuple[Component, list[_Opening]]]:
    """Yield each component that the pipeline has, and what is open of it."""
    spec, allow = pipeline.spec, pipeline.spec.network_policy.allow
    kafka, goals, lake, reports, connect, elasticsearch, kibana, bridge, console, generator = (
        Component(pipeline, kind)
        for kind in (
            "kafka", "goal", "lake", "report", "connect", "elasticsearch", "kibana", "alert-bridge", "console",
            "generator",
        )
    )  # fmt: skip

    def metrics(port: int, *readers: Component, operator: bool = False) -> _Opening:
        return _Opening((port,), readers, operator, allow.metrics)

    if spec.kafka.managed is not None:
        # Brokers replicate over the port of the clients.
        clients = (kafka, goals, lake, connect, bridge, console, generator)
        yield (
            kafka,
            [
                _Opening((addresses.kafka_port(pipeline),), clients, operator=True, others=allow.kafka),
                _Opening((addresses.CONTROLLER_PORT,), (kafka,)),
                metrics(addresses.KAFKA_METRICS_PORT),
            ],
        )
    for each in spec.goals:
        goal = Component(pipeline, "goal", each.name)
        openings = [metrics(addresses.GOAL_METRICS_PORT, bridge, console, operator=True)]
        if spec.spark.executors:
            # Driver and executors have the same labels, and fetch blocks from each other.
            openings.append(_Opening((addresses.DRIVER_PORT, addresses.BLOCK_MANAGER_PORT), (goal,)))
        yield goal, openings
    if spec.lake is not None:
        yield lake, [metrics(addresses.LAKE_METRICS_PORT, console, operator=True)]
    if spec.reports:
        yield reports, []
    if spec.sink is not None:
        # A worker forwards what only the leader of its group can do.
        rest = _Opening((addresses.connect_port(pipeline),), (connect, console), operator=True)
        yield connect, [rest, metrics(addresses.CONNECT_METRICS_PORT)]
        if (managed := spec.sink.elasticsearch.managed) is not None:
            port, readers = addresses.elasticsearch_port(pipeline), (connect, kibana, console)
            yield elasticsearch, [_Opening((port,), readers, operator=True, others=allow.elasticsearch)]
            if managed.kibana is not None:
                yield kibana, [_Opening((addresses.KIBANA_PORT,), operator=True, others=allow.kibana)]
    if alerts(pipeline):
        yield bridge, [metrics(addresses.ALERT_BRIDGE_METRICS_PORT, console)]
    if spec.console is not None:
        page = _Opening((addresses.CONSOLE_PORT,), others=allow.console)
        yield console, [page, metrics(addresses.CONSOLE_METRICS_PORT)]
    if spec.source.generator is not None:
        yield generator, [metrics(addresses.GENERATOR_METRICS_PORT)]


def _policy(component: Component, openings: list[_Opening], operator: OperatorPods) -> dict[str, Any]:
    # A rule without peers would let everybody in.
    rules = [{"from": peers, "ports": _ports(each)} for each in openings if (peers := _peers(each, operator))]
    spec = {"podSelector": {"matchLabels": component.labels}, "policyTypes": ["Ingress"]}
    return component.object("networking.k8s.io/v1", "NetworkPolicy", spec=spec | ({"ingress": rules} if rules else {}))


def _ports(opening: _Opening) -> list[dict[str, Any]]:
    return [{"port": port, "protocol": "TCP"} for port in opening.ports]


def _peers(opening: _Opening, operator: OperatorPods) -> list[dict[str, Any]]:
    peers: list[dict[str, Any]] = [{"podSelector": {"matchLabels": each.labels}} for each in opening.components]
    if opening.operator:
        namespace = {"matchLabels": {"kubernetes.io/metadata.name": operator.namespace}}
        peers.append({"namespaceSelector": namespace, "podSelector": {"matchLabels": dict(operator.labels)}})
    return peers + [peer.model_dump(mode="json", by_alias=True, exclude_defaults=True) for peer in opening.others]
