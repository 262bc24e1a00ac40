"""Sees to the sink connector over Kafka Connect's REST API: configured, watched, its failed tasks restarted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from logpipeline.backoff import Backoff
from logpipeline.kafka.connector import read_status
from logpipeline.web import RefusedError, fetch, fetch_json
from logpipeline_operator.observe.facts import ConnectorFacts, Fault, FaultKind
from logpipeline_operator.observe.faults import http_fault, short

_SECONDS = 2.0
# The workers check the configuration, and write it to Kafka, before they answer.
_CHANGE_SECONDS = 10.0
_NOT_FOUND, _BAD_REQUEST, _CONFLICT = 404, 400, 409
_STOPPED = ("PAUSED", "STOPPED")


@dataclass
class ConnectorMemory:
    """What is remembered of a connector: when failed tasks may be restarted again, and how often they were."""

    backoff: Backoff = field(default_factory=lambda: Backoff(first=10.0, longest=300.0))
    restarts: int = 0


def observe_connector(
    url: str, name: str, config: Mapping[str, str], memory: ConnectorMemory, now: float
) -> ConnectorFacts:
    """Return how the connector `name` on the workers at `url` is; what is not as it should be is put right on the way.

    `now` is in seconds of any steady clock.
    """
    try:
        if (fault := _configure(f"{url}/connectors/{name}", {"name": name, **config})) is not None:
            return ConnectorFacts(name=name, fault=fault, restarts=memory.restarts)
        status = read_status(fetch_json(f"{url}/connectors/{name}/status", timeout=_SECONDS))
        if status.state in _STOPPED:
            fetch(f"{url}/connectors/{name}/resume", method="PUT", timeout=_SECONDS)
        elif status.fault is not None and memory.backoff.due(now):
            fetch(f"{url}/connectors/{name}/restart?includeTasks=true&onlyFailed=true", method="POST", timeout=_SECONDS)
            memory.restarts += 1
    except OSError as error:
        return ConnectorFacts(name=name, fault=http_fault(error, "Kafka Connect", url), restarts=memory.restarts)
    except RefusedError as error:
        if error.status in (_NOT_FOUND, _CONFLICT):
            # The workers agree on who does what; the next look sees more.
            return ConnectorFacts(name=name, restarts=memory.restarts)
        fault = Fault(FaultKind.UNREACHABLE, f"Kafka Connect at {url} answers {error.status}")
        return ConnectorFacts(name=name, fault=fault, restarts=memory.restarts)
    except (ValueError, KeyError, TypeError):
        fault = Fault(FaultKind.UNREACHABLE, f"{url} answers and is no Kafka Connect")
        return ConnectorFacts(name=name, fault=fault, restarts=memory.restarts)
    return ConnectorFacts(
        name=name,
        state=status.state,
        running=status.running,
        tasks=status.tasks,
        task_fault=None if status.fault is None else short(status.fault),
        restarts=memory.restarts,
    )


def _configure(url: str, config: Mapping[str, str]) -> Fault | None:
    """Give the workers the configuration if theirs is another: each time costs a rebalance. Raises as `fetch`."""
    try:
        current = fetch_json(f"{url}/config", timeout=_SECONDS)
    except RefusedError as error:
        if error.status != _NOT_FOUND:
            raise
        current = None
    if current == config:
        return None
    try:
        fetch(f"{url}/config", method="PUT", body=config, timeout=_CHANGE_SECONDS)
    except RefusedError as error:
        if error.status != _BAD_REQUEST:
            raise
        # What is refused now may be right later without a word of it changed: files that it names are part of it.
        return Fault(FaultKind.REFUSED, f"Kafka Connect refuses the connector: {short(error.message)}")
    return None
