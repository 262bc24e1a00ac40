"""What Kafka Connect says of a connector over its REST API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class ConnectorStatus:
    """How many tasks run, and the first line of what stopped those that do not."""

    state: str
    running: int
    tasks: int
    fault: str | None

    @property
    def healthy(self) -> bool:
        """Whether the connector and every task run."""
        return self.state == "RUNNING" and 0 < self.tasks == self.running


def read_status(document: Mapping[str, Any]) -> ConnectorStatus:
    """Return what the answer to GET /connectors/NAME/status says; raises KeyError for a document of another kind."""
    tasks = document.get("tasks", [])
    traces = [part.get("trace") for part in [document["connector"], *tasks] if part["state"] == "FAILED"]
    return ConnectorStatus(
        state=document["connector"]["state"],
        running=sum(task["state"] == "RUNNING" for task in tasks),
        tasks=len(tasks),
        fault=_cause(traces[0] or "") if traces else None,
    )


def _cause(trace: str) -> str:
    """Return the innermost cause that a Java stack trace names, without its frames."""
    causes = [line.removeprefix("Caused by: ") for line in trace.splitlines() if line.startswith("Caused by: ")]
    return (causes or trace.splitlines() or ["no reason given"])[-1 if causes else 0]
