"""Which Events a change of the conditions is worth: pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class StatusEvent:
    """An Event about the pipeline; `action` is what the operator was doing, as events.k8s.io wants it."""

    type: Literal["Normal", "Warning"]
    reason: str
    message: str
    action: str = "Observe"


def events_of(old: Mapping[str, Any] | None, new: Mapping[str, Any]) -> list[StatusEvent]:
    """Return the Events that tell of the change from the status `old` to `new`; none when no condition changed."""
    raise NotImplementedError
