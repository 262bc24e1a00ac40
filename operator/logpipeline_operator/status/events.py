"""Which Events a change of the conditions is worth: pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from logpipeline_operator.status.reasons import FLOW, PARTS, PROGRESSING, READY, reason_of

# Kubernetes takes no longer note.
_LONGEST_NOTE = 1000
_LONGEST_NAME = 200
_ANSWERS = ("ChangeRefused", "ResourceInvalid", "GoalPointless", "FieldsIgnored")


@dataclass(frozen=True)
class StatusEvent:
    """An Event about the pipeline; `action` is what the operator was doing, as events.k8s.io wants it."""

    type: Literal["Normal", "Warning"]
    reason: str
    message: str
    action: str = "Observe"


def events_of(old: Mapping[str, Any] | None, new: Mapping[str, Any]) -> list[StatusEvent]:
    """Return the Events that tell of the change from the status `old` to `new`: a Warning for each fault that is new,
    once even if several conditions show it, and a Normal one when pipeline or flow are as they should be again.
    """
    before = {item["type"]: item for item in (old or {}).get("conditions") or []}
    now = {item["type"]: item for item in new["conditions"]}
    events: dict[str, StatusEvent] = {}
    # Those that only repeat what a part says come last.
    for kind in (*PARTS, FLOW, PROGRESSING, READY):
        condition = now[kind]
        if not _is_news(before.get(kind), condition):
            continue
        known = reason_of(condition["reason"])
        if known.kind == "fault" and condition["status"] == "False":
            events.setdefault(condition["message"], _event("Warning", condition))
        elif kind in (READY, FLOW) and (condition["status"] == "True" or known.name == "Suspended"):
            events.setdefault(condition["message"], _event("Normal", condition))
    return list(events.values())


def removals(connectors: Iterable[str]) -> list[StatusEvent]:
    """Return the Events that tell of connectors that were not the pipeline's and were removed from its workers."""
    return [
        StatusEvent(
            "Warning",
            "ConnectorRemoved",
            f"the connector {name[:_LONGEST_NAME]!r} is not the pipeline's and was removed from its Connect workers",
            action="Remove",
        )
        for name in connectors
    ]


def _is_news(before: Mapping[str, Any] | None, condition: Mapping[str, Any]) -> bool:
    if before is None or (before["status"], before["reason"]) != (condition["status"], condition["reason"]):
        return True
    # Whoever edits a resource wants to know what became of this edit.
    return condition["reason"] in _ANSWERS and before["observedGeneration"] != condition["observedGeneration"]


def _event(kind: Literal["Normal", "Warning"], condition: Mapping[str, Any]) -> StatusEvent:
    return StatusEvent(kind, condition["reason"], f"{condition['type']}: {condition['message']}"[:_LONGEST_NOTE])
