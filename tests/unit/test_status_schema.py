"""What the operator writes is what the CRD keeps: a field that the API server prunes would be written again for ever."""

from __future__ import annotations

from datetime import UTC, datetime

from logpipeline.acceptance import accept
from logpipeline.api.status import Status
from logpipeline.progress import GoalProgress
from logpipeline_operator.accepted import remembering, running_goals
from logpipeline_operator.observe.facts import ConnectorFacts, Facts, FlowFacts, GoalFacts, IndexFacts, KafkaFacts
from logpipeline_operator.status.conditions import status_of, status_of_invalid
from pipelines import a_pipeline

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_a_status_goes_through_the_schema_unchanged() -> None:
    pipeline = a_pipeline(
        goals=[{"name": "client-rate", "preset": "client-rate", "where": [{"field": "status", "equals": 404}]}]
    )
    acceptance = accept(pipeline, {})
    progress = GoalProgress(
        goal="client-rate", state="running", rule={}, checkpoint="file:/checkpoint", state_version=1, batch=7,
        last_batch_time="2026-01-02T03:04:05.678+00:00", offsets={"0": 2**40}, restarts=1,
    )  # fmt: skip
    facts = Facts(
        observed_at=NOW,
        kafka=KafkaFacts(brokers=1, records=9, dead_letters=1),
        goals={"client-rate": GoalFacts("client-rate", progress=progress, lag=3, rate=199.5)},
        connector=ConnectorFacts(state="RUNNING", running=2, tasks=2),
        index=IndexFacts(ready=True, indexed=8),
        flow=FlowFacts(rate=200.0),
    )
    status = remembering(status_of(pipeline, facts, now=NOW), acceptance, {})
    assert Status.model_validate(status).document() == status
    assert {"lag", "rate", "records", "sink", "goalsReady"} <= status.keys()
    assert {"offsets", "recordsPerSecond", "lastBatchTime", "rule", "checkpoint"} <= status["goals"][0].keys()
    invalid = status_of_invalid(["spec: bad"], 2, now=NOW, previous=status)
    assert Status.model_validate(invalid).document() == invalid
    # And comes back as what the next edit is measured by.
    assert accept(pipeline, running_goals(status)).running == acceptance.running
