"""Numbers and moments as the status writes them: so that what is at rest does not change. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from math import floor, log10
from typing import Any

_DIGITS = 3
_LIVE = ("lag", "rate", "records")
_LIVE_GOAL = ("lag", "recordsPerSecond", "batch", "lastBatchTime", "offsets")
_LIVE_SINK = ("indexed", "deadLetters")
_LIVE_LAKE = ("lag", "files", "bytes", "lastCommitTime")


def moment(time: datetime) -> str:
    """Return a moment as Kubernetes writes it, in UTC and whole seconds."""
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def batch_time(text: str | None) -> str | None:
    """Return as `moment` does when a batch ended, which its process reports in ISO 8601; None for None."""
    if text is None:
        return None
    time = datetime.fromisoformat(text)
    return moment(time if time.tzinfo else time.replace(tzinfo=UTC))


def rounded(value: float | None) -> float | None:
    """Return `value` with three significant digits, and no more than one after the point."""
    if value is None or value <= 0:
        return None if value is None else 0.0
    return round(value, min(1, _DIGITS - 1 - floor(log10(value))))


def rate_text(value: float | None) -> str | None:
    """Return records a second as the status writes them, for example `200/s`."""
    number = rounded(value)
    return None if number is None else f"{number:g}/s" if number < 1e6 else f"{number:.0f}/s"


def numbers_only(old: Mapping[str, Any] | None, new: Mapping[str, Any]) -> bool:
    """Tell whether two statuses differ in nothing but live numbers, which can be written less often."""
    return old is not None and old != new and _without_numbers(old) == _without_numbers(new)


def _without_numbers(status: Mapping[str, Any]) -> dict[str, Any]:
    rest = {key: value for key, value in status.items() if key not in _LIVE}
    for part, live in (("sink", _LIVE_SINK), ("lake", _LIVE_LAKE)):
        if rest.get(part):
            rest[part] = {key: value for key, value in rest[part].items() if key not in live}
    goals = rest.get("goals") or []
    rest["goals"] = [{key: value for key, value in goal.items() if key not in _LIVE_GOAL} for goal in goals]
    return rest
