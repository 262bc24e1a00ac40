"""Why a StatefulSet has no pods: its newest Event says it, and only while pods are missing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from logpipeline_operator.cluster.client import ApiError
from logpipeline_operator.cluster.kinds import ObjectKey, PipelineKey
from logpipeline_operator.creations import Creations, refused
from logpipeline_operator.observe.workloads import MissingPods, all_workload_facts
from logpipeline_operator.status.parts import workload_finding

KEY = PipelineKey("logs", "web")
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
QUOTA = 'create Pod web-kafka-0 in StatefulSet web-kafka failed error: pods "web-kafka-0" is forbidden: exceeded quota'


def event(reason: str, time: str, message: str = "", **more: Any) -> dict[str, Any]:
    """An Event as the StatefulSet controller writes it."""
    return {"reason": reason, "message": message, "lastTimestamp": f"2026-03-01T{time}Z", "metadata": {}, **more}


# The Events about a StatefulSet, in no order; what keeps its pods from being created.
EVENTS: dict[str, tuple[list[dict[str, Any]], str | None]] = {
    "none": ([], None),
    "refused": ([event("FailedCreate", "11:59:59", QUOTA)], QUOTA),
    "refused with its claim created in the same second": (
        [event("FailedCreate", "11:59:59", QUOTA), event("SuccessfulCreate", "11:59:59")],
        QUOTA,
    ),
    "refused in another way before": (
        [event("FailedCreate", "11:59:59", QUOTA), event("FailedCreate", "11:59:00", "Pod Security")],
        QUOTA,
    ),
    "created since": ([event("SuccessfulCreate", "11:59:59"), event("FailedCreate", "11:59:00", QUOTA)], None),
    "deleted since, to be created again": (
        [event("FailedCreate", "11:58:00", QUOTA), event("SuccessfulDelete", "11:59:59")],
        None,
    ),
    "something else is newer": ([event("FailedCreate", "11:59:00", QUOTA), event("Warned", "11:59:59")], QUOTA),
    "in the newer form": (
        [event("FailedCreate", "", QUOTA, lastTimestamp=None, eventTime="2026-03-01T11:59:59.123456Z")],
        QUOTA,
    ),
}


@pytest.mark.parametrize("name", EVENTS)
def test_the_newest_event_counts(name: str) -> None:
    events, message = EVENTS[name]
    assert refused(events) == message


def stateful_set(pods: int) -> dict[ObjectKey, dict[str, Any]]:
    metadata = {"name": "web-kafka", "uid": "u-1", "labels": {"app.kubernetes.io/component": "kafka"}}
    status = {"replicas": pods, "readyReplicas": pods} if pods else {}
    document = {"kind": "StatefulSet", "metadata": metadata, "spec": {"replicas": 1}, "status": status}
    return {ObjectKey("StatefulSet", "web-kafka"): document}


class ApiServer:
    """Counts how often it is asked for Events, and may refuse them."""

    def __init__(self) -> None:
        self.asked = 0
        self.forbidden = False

    def events(self, namespace: str, uid: str) -> list[dict[str, Any]]:
        assert (namespace, uid) == ("logs", "u-1")
        self.asked += 1
        if self.forbidden:
            raise ApiError(403, "Forbidden", "not allowed")
        return [event("FailedCreate", "12:00:00", QUOTA)]


def test_it_is_asked_only_while_pods_are_missing_and_not_with_every_pass() -> None:
    server, now = ApiServer(), NOW
    creations = Creations(server, lambda: now)  # type: ignore[arg-type]
    assert creations.missing(KEY, stateful_set(1)) == {}
    assert server.asked == 0
    for seconds, asked in ((0, 1), (5, 1), (10, 2)):
        now = NOW + timedelta(seconds=seconds)
        assert creations.missing(KEY, stateful_set(0)) == {"u-1": MissingPods(NOW, QUOTA)}
        assert server.asked == asked
    assert creations.missing(KEY, stateful_set(1)) == {}
    now = NOW + timedelta(seconds=30)
    assert creations.missing(KEY, stateful_set(0))["u-1"].since == now


# Since when pods are missing in seconds, what is known of the refusal; reason and message of the condition.
FINDINGS: dict[str, tuple[int, str | None, str, str]] = {
    "at first": (0, None, "Creating", "pods of Kafka are being created"),
    "refused": (0, QUOTA, "PodRefused", f"Kafka: {QUOTA}"),
    "nobody says why": (301, None, "NotReady", "pods of Kafka are not created"),
}


@pytest.mark.parametrize("name", FINDINGS)
def test_what_the_condition_says(name: str) -> None:
    seconds, refusal, reason, message = FINDINGS[name]
    missing = {"u-1": MissingPods(NOW - timedelta(seconds=seconds), refusal)}
    (facts,) = all_workload_facts(stateful_set(0).values(), missing)
    finding = workload_finding(facts, "Kafka", NOW)
    assert (finding.status, finding.reason, finding.message) == ("False", reason, message)


def test_events_that_cannot_be_read_leave_the_deadline() -> None:
    server, now = ApiServer(), NOW
    server.forbidden = True
    creations = Creations(server, lambda: now)  # type: ignore[arg-type]
    creations.missing(KEY, stateful_set(0))
    now = NOW + timedelta(minutes=6)
    assert creations.missing(KEY, stateful_set(0)) == {"u-1": MissingPods(NOW)}
