"""The next step of a rolling restart of brokers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from logpipeline_operator.rollout import next_step

READY_AT, LATER = "2026-01-01T00:00:00Z", datetime(2026, 1, 1, 0, 1, tzinfo=UTC)
BEFORE = datetime(2025, 12, 31, tzinfo=UTC)


def broker(number: int, revision: str = "new", *, ready: bool = True, deleting: bool = False) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": f"web-kafka-{number}", "labels": {"controller-revision-hash": revision}}
    if deleting:
        metadata["deletionTimestamp"] = READY_AT
    condition = {"type": "Ready", "status": "True" if ready else "False", "lastTransitionTime": READY_AT}
    return {"metadata": metadata, "status": {"conditions": [condition]}}


def three(*revisions: str) -> list[dict[str, Any]]:
    return [broker(number, revision) for number, revision in enumerate(revisions)]


# The brokers, whether all replicas are in sync, when that was seen; the broker to restart, what is waited for.
STEPS: dict[str, tuple[list[dict[str, Any]], bool | None, datetime | None, str | None, str | None]] = {
    "complete": (three("new", "new", "new"), True, LATER, None, None),
    "the first": (three("old", "old", "old"), True, LATER, "web-kafka-0", None),
    "the next": (three("new", "old", "old"), True, LATER, "web-kafka-1", None),
    "not in sync": (three("new", "old", "old"), False, LATER, None, "replicas are not in sync"),
    "unknown": (three("new", "old", "old"), None, LATER, None, "it is not known yet whether all replicas are in sync"),
    "known from before it was ready": (
        three("new", "old", "old"), True, BEFORE, None, "it is not known yet whether all replicas are in sync",
    ),
    "the new one does not come up": (
        [broker(0, ready=False), broker(1, "old"), broker(2, "old")], True, LATER, None, "web-kafka-0 is not ready",
    ),
    "an old one is down anyway": (
        [broker(0, "old"), broker(1, "old", ready=False), broker(2, "old")], False, LATER, "web-kafka-1", None,
    ),
    "one is on its way out": (
        [broker(0, "old", deleting=True), broker(1, "old"), broker(2, "old")], True, LATER, None,
        "a broker is being replaced",
    ),
    "one is missing": ([broker(1, "old"), broker(2, "old")], True, LATER, None, "a broker is being replaced"),
}  # fmt: skip


@pytest.mark.parametrize("name", STEPS)
def test_step(name: str) -> None:
    pods, in_sync, observed_at, delete, waits_for = STEPS[name]
    step = next_step(_set(3), pods, in_sync=in_sync, observed_at=observed_at)
    assert (step.delete["metadata"]["name"] if step.delete else None, step.waits_for) == (delete, waits_for)


def test_a_lone_broker_has_nobody_to_be_in_sync_with() -> None:
    step = next_step(_set(1), [broker(0, "old")], in_sync=None, observed_at=None)
    assert step.delete is not None


def test_nothing_before_the_controller_has_seen_the_change() -> None:
    step = next_step(_set(1, observed=1), [broker(0, "old")], in_sync=True, observed_at=LATER)
    assert step.delete is None


def _set(replicas: int, observed: int = 2) -> dict[str, Any]:
    status = {"observedGeneration": observed, "updateRevision": "new"}
    return {"metadata": {"generation": 2}, "spec": {"replicas": replicas}, "status": status}
