"""Sees to the sink connector over Kafka Connect's REST API: configured, watched, its failed tasks restarted; any other
connector on the workers is removed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from logpipeline.backoff import Backoff
from logpipeline.kafka.connector import read_status
from logpipeline.web import RefusedError, fetch, fetch_json
from logpipeline_operator.observe.facts import ConnectorFacts, Fault, FaultKind
from logpipeline_operator.observe.faults import http_fault, short

# For a whole answer: a worker that starts its tasks on a busy node takes two seconds and more.
_SECONDS = 4.0
# The workers check the configuration, and write it to Kafka, before they answer.
_CHANGE_SECONDS = 10.0
_NOT_FOUND, _BAD_REQUEST, _CONFLICT, _UNAUTHORIZED = 404, 400, 409, 401
_STOPPED = ("PAUSED", "STOPPED")


@dataclass
class ConnectorMemory:
    """What is remembered of a connector: when failed tasks may be restarted again, how often they were, and which other
    connectors were removed since somebody took note.
    """

    backoff: Backoff = field(default_factory=lambda: Backoff(first=10.0, longest=300.0))
    restarts: int = 0
    removed: list[str] = field(default_factory=list)

    def take_removed(self) -> tuple[str, ...]:
        """Return the names of the connectors that were removed since the last call."""
        removed, self.removed = tuple(self.removed), []
        return removed


class _Workers:
    """The REST API of the workers at `url`; the methods raise as `fetch` does."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        self.url = url
        self._headers = headers

    def get(self, path: str) -> Any:
        return fetch_json(f"{self.url}/connectors{path}", headers=self._headers, timeout=_SECONDS)

    def send(self, method: str, path: str, body: Any = None, timeout: float = _SECONDS) -> None:
        fetch(f"{self.url}/connectors{path}", method=method, body=body, headers=self._headers, timeout=timeout)


def observe_connector(
    url: str,
    name: str,
    config: Mapping[str, str],
    memory: ConnectorMemory,
    now: float,
    headers: Mapping[str, str] | None = None,
) -> ConnectorFacts:
    """Return how the connector `name` on the workers at `url` is; what is not as it should be is put right on the way.

    `now` is in seconds of any steady clock; `headers` carry the credential.
    """
    workers = _Workers(url, headers or {})
    try:
        fault = _configure(workers, f"/{name}/config", {"name": name, **config})
        fault = fault or _remove_others(workers, name, memory)
        if fault is not None:
            return ConnectorFacts(name=name, fault=fault, restarts=memory.restarts)
        status = read_status(workers.get(f"/{name}/status"))
        if status.state in _STOPPED:
            workers.send("PUT", f"/{name}/resume")
        elif status.fault is not None and memory.backoff.due(now):
            workers.send("POST", f"/{name}/restart?includeTasks=true&onlyFailed=true")
            memory.restarts += 1
    except OSError as error:
        return ConnectorFacts(name=name, fault=http_fault(error, "Kafka Connect", url), restarts=memory.restarts)
    except RefusedError as error:
        if error.status in (_NOT_FOUND, _CONFLICT):
            # The workers agree on who does what; the next look sees more.
            return ConnectorFacts(name=name, restarts=memory.restarts)
        if error.status == _UNAUTHORIZED:
            # While workers roll, those of before have another credential.
            fault = Fault(FaultKind.AUTHENTICATION_FAILED, f"Kafka Connect at {url} refuses the operator's credential")
        else:
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


def _remove_others(workers: _Workers, name: str, memory: ConnectorMemory) -> Fault | None:
    """Remove the connectors that are not ours: they work with the credentials of the pipeline. Raises as `fetch`."""
    for other in sorted(set(workers.get("")) - {name}):
        try:
            workers.send("DELETE", f"/{quote(other, safe='')}", timeout=_CHANGE_SECONDS)
        except RefusedError as error:
            if error.status in (_NOT_FOUND, _CONFLICT):
                continue
            return Fault(FaultKind.REFUSED, f"Kafka Connect does not remove the connector {short(repr(other))}")
        memory.removed.append(other)
    return None


def _configure(workers: _Workers, path: str, config: Mapping[str, str]) -> Fault | None:
    """Give the workers the configuration if theirs is another: each time costs a rebalance. Raises as `fetch`."""
    try:
        current = workers.get(path)
    except RefusedError as error:
        if error.status != _NOT_FOUND:
            raise
        current = None
    if current == config:
        return None
    try:
        workers.send("PUT", path, config, timeout=_CHANGE_SECONDS)
    except RefusedError as error:
        if error.status != _BAD_REQUEST:
            raise
        # What is refused now may be right later without a word of it changed: files that it names are part of it.
        return Fault(FaultKind.REFUSED, f"Kafka Connect refuses the connector: {short(error.message)}")
    return None
