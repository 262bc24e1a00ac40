"""Facts of a pipeline that runs as it should, with what a test wants different."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from logpipeline.progress import GoalProgress
from logpipeline_operator.observe.facts import (
    ConnectorFacts,
    Facts,
    FlowFacts,
    GoalFacts,
    IndexFacts,
    KafkaFacts,
    TopicsFacts,
    WorkloadFacts,
)

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def workload(component: str, goal: str | None = None, **changes: Any) -> WorkloadFacts:
    name = f"web-{component}" + (f"-{goal}" if goal else "")
    return replace(WorkloadFacts(name, component, goal, desired=1, ready=1, updated=1, pods=1), **changes)


def progress(**changes: Any) -> GoalProgress:
    known: dict[str, Any] = {
        "goal": "client-rate",
        "state": "running",
        "checkpoint": "/checkpoint/client-rate",
        "batch": 7,
        "last_batch_time": "2026-03-01T11:59:58.250000+00:00",
        "offsets": {"0": 500, "1": 500},
        "offset_total": 1000,
        "lag_records": 0,
    }
    return GoalProgress(**(known | changes))


def goal(**changes: Any) -> GoalFacts:
    usual = GoalFacts("client-rate", progress=progress(), lag=0, catches_up=True, still_seconds=0.0, rate=200.4)
    return replace(usual, **changes)


WORKLOADS = (workload("kafka"), workload("goal", "client-rate"), workload("connect"), workload("elasticsearch"))


def facts(*, without: str = "", instead: WorkloadFacts | None = None, **changes: Any) -> Facts:
    """Facts in which all is well, but for `changes`; `without` a component's workload, or with another `instead`."""
    gone = instead.component if instead else without
    kept = tuple(item for item in WORKLOADS if item.component != gone) + ((instead,) if instead else ())
    usual = Facts(
        observed_at=NOW,
        looked=True,
        workloads=kept,
        kafka=KafkaFacts(
            observed_at=NOW,
            brokers=1,
            under_replicated=0,
            offline=0,
            records=1000,
            invalid=1,
            dead_letters=1,
            sink_lag=0,
        ),
        topics=TopicsFacts(ready=True),
        goals={"client-rate": goal()},
        connector=ConnectorFacts(name="web-elasticsearch", state="RUNNING", running=2, tasks=2),
        index=IndexFacts(ready=True, indexed=999),
        flow=FlowFacts(
            rate=200.4, idle_seconds=0.5, invalid_share=0.001, dead_letter_share=0.001, sink_catches_up=True
        ),
    )
    return replace(usual, **changes)
