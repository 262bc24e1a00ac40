"""From facts to the conditions that a user reads."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from logpipeline.api import LogPipeline
from logpipeline.api.reading import Stored
from logpipeline.api.status import Status
from logpipeline.progress import TableProgress
from logpipeline_operator.observe.facts import (
    ConnectorFacts,
    Facts,
    Fault,
    FaultKind,
    IndexFacts,
    KafkaFacts,
    LakeFacts,
    TopicsFacts,
)
from logpipeline_operator.observe.reports import report_facts
from logpipeline_operator.status.conditions import status_of, status_of_invalid
from logpipeline_operator.status.progress import doubts_about
from logpipeline_operator.status.reasons import CONDITION_TYPES, REASONS, Finding, reason_of
from observed import NOW, facts, goal, progress, workload
from pipelines import a_pipeline

PIPELINE = a_pipeline()
THREE_BROKERS = a_pipeline(kafka={"managed": {"replicas": 3}})
EXTERNAL = a_pipeline(
    kafka={
        "external": {
            "bootstrapServers": "kafka:9092",
            "security": {"protocol": "SASL_SSL", "secretRef": {"name": "kafka-user"}},
        }
    }
)
GENERATES = a_pipeline(source={"generator": {}})
ALERTS = a_pipeline(alerting={"webhook": {"url": "http://hook"}})
SUSPENDED = a_pipeline(suspend=True)
LAKE = a_pipeline(lake={})
LONG_AGO = NOW - timedelta(minutes=6)
JUST_NOW = NOW - timedelta(seconds=20)


def conditions(pipeline: LogPipeline, seen: Facts, **more: Any) -> dict[str, tuple[str, str]]:
    status = status_of(pipeline, seen, now=NOW, **more)
    Status.model_validate(status)  # what the CRD's schema is made of takes it
    return {condition["type"]: (condition["status"], condition["reason"]) for condition in status["conditions"]}


def message(pipeline: LogPipeline, seen: Facts, kind: str, **more: Any) -> str:
    status = status_of(pipeline, seen, now=NOW, **more)
    return next(str(condition["message"]) for condition in status["conditions"] if condition["type"] == kind)


def test_all_is_well() -> None:
    assert conditions(PIPELINE, facts()) == {
        "Ready": ("True", "Ready"),
        "Progressing": ("False", "Complete"),
        "KafkaReady": ("True", "Ready"),
        "TopicsReady": ("True", "Ready"),
        "GoalsReady": ("True", "Ready"),
        "SinkReady": ("True", "Ready"),
        "LakeReady": ("True", "Disabled"),
        "FlowHealthy": ("True", "Healthy"),
    }


PULL = {"ready": 0, "waiting": "ImagePullBackOff", "message": "cannot pull the image x:1", "unready_since": JUST_NOW}
REFUSED_USER = Fault(FaultKind.AUTHENTICATION_FAILED, "Kafka refuses the credentials; look at the Secret 'kafka-user'")
NO_SECRET = Fault(FaultKind.SECRET_MISSING, "there is no Secret 'kafka-user' in the namespace")
DOWN = Fault(FaultKind.UNREACHABLE, "it does not answer")


@pytest.mark.parametrize(
    ("pipeline", "seen", "expected"),
    [
        pytest.param(
            PIPELINE,
            Facts(observed_at=NOW),
            {
                "Ready": ("False", "Creating"),
                "Progressing": ("True", "Creating"),
                "KafkaReady": ("False", "Creating"),
                "TopicsReady": ("Unknown", "WaitingForKafka"),
                "GoalsReady": ("False", "Creating"),
                "SinkReady": ("False", "Creating"),
                "FlowHealthy": ("Unknown", "Starting"),
            },
            id="nothing is there yet",
        ),
        pytest.param(
            PIPELINE,
            facts(
                instead=workload("kafka", ready=0, unready_since=JUST_NOW), kafka=KafkaFacts(), topics=TopicsFacts()
            ),
            {"Ready": ("False", "Starting"), "Progressing": ("True", "Starting"), "KafkaReady": ("False", "Starting")},
            id="the broker starts",
        ),
        pytest.param(
            PIPELINE,
            facts(instead=workload("kafka", ready=0, unready_since=LONG_AGO), kafka=KafkaFacts()),
            {"KafkaReady": ("False", "NotReady"), "Progressing": ("False", "NotReady"), "FlowHealthy": ("False", "KafkaDown")},
            id="the broker does not come up",
        ),
        pytest.param(
            THREE_BROKERS,
            facts(
                instead=workload("kafka", desired=3, ready=2, updated=3, pods=3, unready_since=JUST_NOW),
                kafka=replace(facts().kafka, brokers=2, under_replicated=4),
            ),
            {"KafkaReady": ("True", "ReplicasOutOfSync"), "Ready": ("True", "Ready"), "Progressing": ("True", "RollingOut")},
            id="one of three brokers restarts",
        ),
        pytest.param(
            THREE_BROKERS,
            facts(
                instead=workload("kafka", desired=3, ready=2, updated=3, pods=3, unready_since=JUST_NOW),
                kafka=replace(facts().kafka, brokers=2, under_replicated=4, offline=1),
            ),
            {"KafkaReady": ("False", "Starting"), "Ready": ("False", "Starting")},
            id="one of three brokers took partitions with it",
        ),
        pytest.param(
            EXTERNAL,
            facts(without="kafka", kafka=KafkaFacts(fault=REFUSED_USER), topics=TopicsFacts()),
            {
                "Ready": ("False", "AuthenticationFailed"),
                "KafkaReady": ("False", "AuthenticationFailed"),
                "TopicsReady": ("Unknown", "WaitingForKafka"),
                "FlowHealthy": ("False", "KafkaDown"),
            },
            id="wrong credentials",
        ),
        pytest.param(
            EXTERNAL,
            facts(without="kafka", kafka=KafkaFacts(fault=NO_SECRET), topics=TopicsFacts()),
            {"Ready": ("False", "SecretMissing"), "KafkaReady": ("False", "SecretMissing")},
            id="no Secret",
        ),
        pytest.param(
            PIPELINE,
            facts(topics=TopicsFacts(ready=False, fault=Fault(FaultKind.REFUSED, "partitions never shrink"))),
            {"TopicsReady": ("False", "Refused"), "Ready": ("False", "Refused"), "FlowHealthy": ("True", "Healthy")},
            id="partitions would shrink",
        ),
        pytest.param(
            PIPELINE,
            facts(instead=workload("goal", "client-rate", **PULL), goals={}),
            {"GoalsReady": ("False", "ImageUnavailable"), "FlowHealthy": ("False", "GoalFailed")},
            id="a goal's image is not there",
        ),
        pytest.param(
            PIPELINE,
            facts(
                instead=workload(
                    "goal", "client-rate", ready=0, restarts=4, last_exit="OOMKilled (exit code 137)", unready_since=JUST_NOW
                ),
                goals={},
            ),
            {"GoalsReady": ("False", "OutOfMemory")},
            id="a goal runs out of memory again and again, and is up for a moment",
        ),
        pytest.param(
            PIPELINE,
            facts(
                instead=workload("goal", "client-rate", ready=0, unready_since=JUST_NOW),
                goals={"client-rate": goal(progress=progress(state="failed", error="offsets are out of range"))},
            ),
            {"GoalsReady": ("False", "GoalFailed"), "FlowHealthy": ("False", "GoalFailed")},
            id="a goal has failed",
        ),
        pytest.param(
            PIPELINE,
            facts(goals={"client-rate": goal(lag=400, still_seconds=100.0)}),
            {"GoalsReady": ("False", "GoalStalled"), "FlowHealthy": ("False", "GoalStalled"), "Ready": ("False", "GoalStalled")},
            id="a goal is alive and does nothing",
        ),
        pytest.param(
            PIPELINE,
            facts(goals={"client-rate": goal(lag=0, still_seconds=3600.0)}),
            {"GoalsReady": ("True", "Ready"), "FlowHealthy": ("True", "Healthy")},
            id="a goal has nothing to do",
        ),
        pytest.param(
            PIPELINE,
            facts(goals={"client-rate": goal(progress=None, fault=DOWN)}),
            {"GoalsReady": ("False", "Unreachable"), "FlowHealthy": ("False", "GoalFailed")},
            id="a goal's pod is ready and does not answer",
        ),
        pytest.param(
            PIPELINE,
            facts(goals={"client-rate": goal(lag=20_000, catches_up=False)}),
            {"GoalsReady": ("True", "Ready"), "FlowHealthy": ("False", "GoalsLagging")},
            id="a goal falls behind",
        ),
        pytest.param(
            PIPELINE,
            facts(goals={"client-rate": goal(lag=20_000, catches_up=True)}),
            {"FlowHealthy": ("True", "Healthy")},
            id="a goal catches up",
        ),
        pytest.param(
            PIPELINE,
            facts(goals={"client-rate": goal(lag=400, catches_up=False)}),
            {"FlowHealthy": ("True", "Healthy")},
            id="two seconds are no lag",
        ),
        pytest.param(
            PIPELINE,
            facts(connector=ConnectorFacts(state="RUNNING", running=1, tasks=2, task_fault="RetriableException: 429")),
            {"SinkReady": ("False", "ConnectorTaskFailed"), "FlowHealthy": ("False", "ConnectorTaskFailed")},
            id="a task failed",
        ),
        pytest.param(
            PIPELINE,
            facts(instead=workload("elasticsearch", ready=0, unready_since=JUST_NOW), index=None),
            {"SinkReady": ("False", "Starting"), "FlowHealthy": ("Unknown", "Starting")},
            id="Elasticsearch starts",
        ),
        pytest.param(
            PIPELINE,
            facts(index=IndexFacts(fault=DOWN)),
            {"SinkReady": ("False", "Unreachable"), "FlowHealthy": ("False", "SinkDown")},
            id="Elasticsearch does not answer",
        ),
        pytest.param(
            PIPELINE,
            facts(
                kafka=replace(facts().kafka, sink_lag=20_000), flow=replace(facts().flow, sink_catches_up=False)
            ),
            {"SinkReady": ("True", "Ready"), "FlowHealthy": ("False", "SinkBehind")},
            id="the sink falls behind",
        ),
        pytest.param(
            PIPELINE,
            facts(flow=replace(facts().flow, invalid_share=0.2, dead_letter_share=0.2)),
            {"FlowHealthy": ("False", "InvalidRecords")},
            id="records of another format, which the sink refuses too",
        ),
        pytest.param(
            PIPELINE,
            facts(flow=replace(facts().flow, dead_letter_share=0.02)),
            {"FlowHealthy": ("False", "DeadLetters")},
            id="valid records that the sink refuses",
        ),
        pytest.param(
            GENERATES,
            facts(flow=replace(facts().flow, rate=0.0, idle_seconds=301.0)),
            {"FlowHealthy": ("False", "NoRecords"), "Ready": ("False", "Creating")},
            id="our own generator is silent",
        ),
        pytest.param(
            ALERTS,
            facts(instead=workload("alert-bridge", ready=0, unready_since=LONG_AGO)),
            {"Ready": ("False", "NotReady")},
            id="nobody tells of detections",
        ),
        pytest.param(
            ALERTS,
            facts(instead=workload("alert-bridge")),
            {"Ready": ("True", "Ready")},
            id="somebody tells of detections",
        ),
        pytest.param(
            PIPELINE,
            facts(flow=replace(facts().flow, rate=0.0, idle_seconds=301.0)),
            {"FlowHealthy": ("Unknown", "NoRecords"), "Ready": ("True", "Ready")},
            id="a source that is not ours is silent",
        ),
        pytest.param(
            PIPELINE,
            facts(kafka=replace(facts().kafka, records=0)),
            {"FlowHealthy": ("Unknown", "Starting"), "Ready": ("True", "Ready")},
            id="no record has come yet",
        ),
        pytest.param(
            a_pipeline(sink=None),
            facts(connector=None, index=None),
            {"SinkReady": ("True", "Disabled"), "Ready": ("True", "Ready"), "FlowHealthy": ("True", "Healthy")},
            id="no sink",
        ),
        pytest.param(
            SUSPENDED,
            facts(),
            {"Ready": ("False", "Draining"), "Progressing": ("True", "Draining"), "FlowHealthy": ("Unknown", "Suspended")},
            id="a suspended pipeline drains",
        ),
        pytest.param(
            SUSPENDED,
            Facts(
                observed_at=NOW,
                workloads=tuple(replace(item, desired=0, ready=0, updated=0, pods=0) for item in facts().workloads),
            ),
            dict.fromkeys(("Ready", "Progressing", "KafkaReady", "TopicsReady", "GoalsReady", "SinkReady"), ("False", "Suspended"))
            | {"FlowHealthy": ("Unknown", "Suspended")},
            id="a suspended pipeline stands still",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(pipeline: LogPipeline, seen: Facts, expected: dict[str, tuple[str, str]]) -> None:
    shown = conditions(pipeline, seen)
    assert {kind: shown[kind] for kind in expected} == expected


def table(name: str = "raw", **changes: Any) -> TableProgress:
    known = {"state": "running", "offset_total": 1000, "lag_records": 0, "files": 3, "bytes": 5000}
    return TableProgress(**{"table": name, "last_batch_time": "2026-03-01T11:59:58.25+00:00", **known, **changes})


def with_lake(lake: LakeFacts | None, **pods: Any) -> Facts:
    """Facts of a pipeline whose writer has `pods`."""
    usual = facts()
    return replace(usual, workloads=(*usual.workloads, workload("lake", **pods)), lake=lake)


TABLES = {"raw": table(), "results": table("results", files=1, bytes=70)}
FULL = {**TABLES, "raw": table(state="failed", error="No space left on device")}


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        pytest.param(
            with_lake(LakeFacts(tables=TABLES, lag=0)),
            {"LakeReady": ("True", "Ready"), "Ready": ("True", "Ready"), "FlowHealthy": ("True", "Healthy")},
            id="well",
        ),
        pytest.param(facts(), {"LakeReady": ("False", "Creating"), "Ready": ("False", "Creating")}, id="not there yet"),
        pytest.param(with_lake(LakeFacts()), {"LakeReady": ("Unknown", "Unknown")}, id="not asked yet"),
        pytest.param(
            with_lake(LakeFacts(Fault(FaultKind.UNREACHABLE, "no answer"))),
            {"LakeReady": ("False", "Unreachable"), "FlowHealthy": ("False", "LakeFailed")},
            id="does not answer",
        ),
        pytest.param(
            with_lake(LakeFacts(tables=FULL), ready=0, unready_since=JUST_NOW),
            {"LakeReady": ("False", "LakeFailed"), "Ready": ("False", "LakeFailed"), "FlowHealthy": ("False", "LakeFailed")},
            id="its store is full",
        ),
        pytest.param(
            with_lake(LakeFacts(tables={"raw": table(state="starting")})), {"LakeReady": ("False", "Starting")}, id="starts"
        ),
        pytest.param(
            with_lake(LakeFacts(tables=TABLES, lag=10**6, catches_up=False)),
            {"LakeReady": ("True", "Ready"), "FlowHealthy": ("False", "LakeBehind")},
            id="far behind",
        ),
        pytest.param(
            with_lake(LakeFacts(tables=TABLES, lag=10**6, catches_up=True)), {"FlowHealthy": ("True", "Healthy")}, id="catches up"
        ),
    ],
)  # fmt: skip
def test_the_lake_is_judged_by_its_tables(seen: Facts, expected: dict[str, tuple[str, str]]) -> None:
    found = conditions(LAKE, seen)
    assert {kind: found[kind] for kind in expected} == expected


def test_the_status_has_what_the_lake_holds() -> None:
    status = status_of(LAKE, with_lake(LakeFacts(tables=TABLES, lag=7)), now=NOW)
    assert status["lake"] == {"lag": 7, "files": 4, "bytes": 5070, "lastCommitTime": "2026-03-01T11:59:58Z"}
    assert "No space left on device" in message(LAKE, with_lake(LakeFacts(tables=FULL)), "LakeReady")


def test_of_several_faults_the_cause_is_shown_and_not_the_consequence() -> None:
    seen = facts(
        kafka=KafkaFacts(fault=DOWN),
        topics=TopicsFacts(),
        goals={"client-rate": goal(lag=20_000, catches_up=False)},
        connector=ConnectorFacts(state="RUNNING", running=0, tasks=1, task_fault="TimeoutException"),
    )
    shown = conditions(PIPELINE, seen)
    assert (shown["FlowHealthy"], shown["Ready"]) == (("False", "KafkaDown"), ("False", "Unreachable"))


@pytest.mark.parametrize(
    ("goal_pods", "expected"),
    [
        pytest.param(
            {"waiting": "Unschedulable", "unready_since": JUST_NOW}, "Starting", id="its volume is being made"
        ),
        pytest.param({"waiting": "Unschedulable", "unready_since": LONG_AGO}, "Unschedulable", id="no node takes it"),
        pytest.param({"waiting": "CrashLoopBackOff", "restarts": 1}, "Starting", id="it came up before Kafka did"),
        pytest.param({"waiting": "CrashLoopBackOff", "restarts": 2}, "CrashLoop", id="it ends again and again"),
        pytest.param({"waiting": "CreateContainerError"}, "PodRefused", id="a reason that we do not know"),
    ],
)
def test_what_every_start_can_have_is_no_fault(goal_pods: dict[str, Any], expected: str) -> None:
    seen = facts(instead=workload("goal", "client-rate", ready=0, **goal_pods), goals={})
    assert conditions(PIPELINE, seen)["GoalsReady"] == ("False", expected)


def test_a_goal_that_starts_says_what_it_waits_for() -> None:
    waits = goal(progress=progress(state="starting", error="the topic web.raw is not there yet"))
    seen = facts(instead=workload("goal", "client-rate", ready=0, unready_since=JUST_NOW), goals={"client-rate": waits})
    assert message(PIPELINE, seen, "GoalsReady") == "client-rate is starting: the topic web.raw is not there yet"


def test_every_goal_that_lacks_is_named() -> None:
    pipeline = a_pipeline(goals=[{"name": name, "preset": "client-rate"} for name in ("a", "b", "c")])
    seen = facts(without="goal", goals={})
    workloads = (
        *seen.workloads,
        workload("goal", "a"),
        workload("goal", "b", ready=0, unready_since=JUST_NOW),
        workload("goal", "c", **PULL),
    )
    seen = replace(seen, workloads=workloads, goals={"a": replace(goal(), name="a")})
    assert conditions(pipeline, seen)["GoalsReady"] == ("False", "ImageUnavailable")
    assert message(pipeline, seen, "GoalsReady") == "c: cannot pull the image x:1; b is starting"
    assert status_of(pipeline, seen, now=NOW)["goalsReady"] == "1/3"


def test_a_refused_change_is_seen_and_holds_nothing_else_up() -> None:
    refusal = "goals[0].window: would make its counts wrong; raise stateVersion, or give the goal a new name"
    shown = conditions(PIPELINE, facts(), refusals=[refusal])
    assert shown["Ready"] == ("True", "Ready")
    assert shown["Progressing"] == ("False", "ChangeRefused")
    assert message(PIPELINE, facts(), "Progressing", refusals=[refusal]) == refusal
    assert "refused" in message(PIPELINE, facts(), "Ready", refusals=[refusal])
    rolling = facts(instead=workload("connect", updated=0))
    assert conditions(PIPELINE, rolling, refusals=[refusal])["Progressing"] == ("True", "ChangeRefused")


@pytest.mark.parametrize(
    ("stored", "reason", "said"),
    [
        (Stored(PIPELINE, ("spec.lake",), ()), "FieldsIgnored", "not known to this version: spec.lake"),
        (Stored(PIPELINE, (), ("goals[0] …",)), "GoalPointless", "goals[0] …"),
        (
            Stored(PIPELINE, ("spec.a", "spec.b"), ("c",)),
            "GoalPointless",
            "c; not known to this version: spec.a, spec.b",
        ),
    ],
)
def test_what_takes_no_effect_is_named_and_holds_nothing_up(stored: Stored, reason: str, said: str) -> None:
    doubts = doubts_about(stored)
    shown = conditions(PIPELINE, facts(), doubts=doubts)
    assert shown["Ready"] == ("True", "Ready")
    assert shown["Progressing"] == ("False", reason)
    assert message(PIPELINE, facts(), "Progressing", doubts=doubts) == said
    assert "see Progressing" in message(PIPELINE, facts(), "Ready", doubts=doubts)
    rolling = facts(instead=workload("connect", updated=0))
    assert conditions(PIPELINE, rolling, doubts=doubts)["Progressing"] == ("True", reason)


def test_what_the_api_server_refuses_is_said() -> None:
    shown = conditions(
        PIPELINE, facts(without="connect", connector=None), failures=["Deployment web-connect: exceeded quota"]
    )
    assert shown["Progressing"] == ("False", "ApplyFailed")


# What an object of somebody else means for the pipeline as a whole.
HELD: dict[str, tuple[Finding, dict[str, tuple[str, str]]]] = {
    "until somebody does something": (
        Finding("False", "NameTaken", "Role web-goals belongs to Other thing"),
        {"Ready": ("False", "NameTaken"), "Progressing": ("False", "NameTaken"), "KafkaReady": ("True", "Ready")},
    ),
    "until the garbage collector has been there": (
        Finding("False", "Creating", "Role web-goals"),
        {"Ready": ("False", "Creating"), "Progressing": ("True", "Creating"), "KafkaReady": ("True", "Ready")},
    ),
}


@pytest.mark.parametrize("name", HELD)
def test_what_is_held_up_by_others_is_not_complete(name: str) -> None:
    finding, expected = HELD[name]
    assert expected.items() <= conditions(PIPELINE, facts(), held=[finding]).items()
    assert message(PIPELINE, facts(), "Ready", held=[finding]) == finding.message


def test_a_resource_that_cannot_be_read_keeps_what_is_known() -> None:
    before = status_of(PIPELINE, facts(), now=NOW)
    after = status_of_invalid(["spec.goals: the name 'a' is given twice"], 9, now=NOW, previous=before)
    Status.model_validate(after)
    assert after["observedGeneration"] == 9
    assert after["goals"] == before["goals"]
    ready = next(condition for condition in after["conditions"] if condition["type"] == "Ready")
    assert (ready["status"], ready["reason"]) == ("False", "ResourceInvalid")
    assert ready["message"] == "spec.goals: the name 'a' is given twice"


def test_a_time_changes_only_with_the_status() -> None:
    first = status_of(PIPELINE, facts(), now=NOW)
    later = NOW + timedelta(hours=1)
    assert status_of(PIPELINE, facts(), now=later, previous=first) == first
    broken = status_of(PIPELINE, facts(index=IndexFacts(fault=DOWN)), now=later, previous=first)
    moments = {condition["type"]: condition["lastTransitionTime"] for condition in broken["conditions"]}
    moved = {kind for kind, moment in moments.items() if moment == "2026-03-01T13:00:00Z"}
    assert moved == {"Ready", "SinkReady", "FlowHealthy"}


def test_flow_stays_healthy_while_a_part_restarts() -> None:
    before = status_of(PIPELINE, facts(), now=NOW)
    restarts = facts(instead=workload("connect", ready=0, unready_since=JUST_NOW), connector=None)
    shown = conditions(PIPELINE, restarts, previous=before)
    assert (shown["SinkReady"], shown["FlowHealthy"]) == (("False", "Starting"), ("True", "Healthy"))


def test_an_operator_that_has_just_started_changes_nothing() -> None:
    for seen in (
        facts(),
        facts(index=IndexFacts(fault=DOWN)),
        facts(kafka=KafkaFacts(fault=DOWN), topics=TopicsFacts()),
    ):
        before = status_of(PIPELINE, seen, now=NOW)
        fresh = Facts(observed_at=NOW, workloads=seen.workloads)
        assert status_of(PIPELINE, fresh, now=NOW + timedelta(hours=1), previous=before) == before
    # What the API server tells is news all the same.
    crashed = facts(instead=workload("goal", "client-rate", **PULL))
    fresh = Facts(observed_at=NOW, workloads=crashed.workloads)
    assert conditions(PIPELINE, fresh, previous=before)["GoalsReady"] == ("False", "ImageUnavailable")


def test_a_silent_source_stays_silent_when_the_operator_is_new() -> None:
    silent = facts(flow=replace(facts().flow, rate=0.0, idle_seconds=400.0))
    before = status_of(PIPELINE, silent, now=NOW)
    fresh = facts(flow=replace(facts().flow, rate=None, idle_seconds=1.0))
    assert conditions(PIPELINE, fresh, previous=before)["FlowHealthy"] == ("Unknown", "NoRecords")
    one_more = replace(fresh, kafka=replace(fresh.kafka, records=1001))
    assert conditions(PIPELINE, one_more, previous=before)["FlowHealthy"] == ("True", "Healthy")


def test_every_reason_that_needs_somebody_has_a_remedy() -> None:
    names = [reason.name for reason in REASONS]
    assert len(names) == len(set(names))
    assert {kind for reason in REASONS for kind in reason.conditions} == set(CONDITION_TYPES)
    assert [reason.name for reason in REASONS if reason.kind == "fault" and not reason.remedy] == []
    for kind in FaultKind:
        assert reason_of(kind.value).kind == "fault"


@pytest.mark.parametrize(
    ("pipeline", "kind", "words"),
    [
        (EXTERNAL, "CreateTime", "message.timestamp.type=CreateTime: source.maxFutureSkew measures against the clocks"),
        (EXTERNAL, "LogAppendTime", "message.timestamp.type=LogAppendTime"),
        (EXTERNAL, None, " topics"),
        (PIPELINE, "LogAppendTime", " topics"),
    ],
)
def test_whose_clock_counts_on_an_external_topic_is_told(pipeline: LogPipeline, kind: str | None, words: str) -> None:
    told = message(pipeline, facts(topics=TopicsFacts(ready=True, timestamp_type=kind)), "TopicsReady")
    assert words in told
    assert ("message.timestamp" in told) is ("message.timestamp" in words)


@pytest.mark.parametrize(
    ("job", "expected"),
    [
        ({}, {"state": "waiting"}),
        # By hand, before it was ever due.
        (
            {"lastSuccessfulTime": "2026-03-01T00:11:00Z"},
            {"state": "written", "lastWrittenTime": "2026-03-01T00:11:00Z"},
        ),
        (
            {"lastScheduleTime": "2026-03-01T00:10:00Z", "active": [{"name": "web-report-daily-1"}]},
            {"state": "running", "lastDueTime": "2026-03-01T00:10:00Z"},
        ),
        (
            {"lastScheduleTime": "2026-03-01T00:10:00Z", "lastSuccessfulTime": "2026-03-01T00:11:00Z"},
            {"state": "written", "lastDueTime": "2026-03-01T00:10:00Z", "lastWrittenTime": "2026-03-01T00:11:00Z"},
        ),
        (
            {"lastScheduleTime": "2026-03-01T00:10:00Z", "lastSuccessfulTime": "2026-02-28T00:11:00Z"},
            {"state": "failed", "lastDueTime": "2026-03-01T00:10:00Z", "lastWrittenTime": "2026-02-28T00:11:00Z"},
        ),
        ({"lastScheduleTime": "2026-03-01T00:10:00Z"}, {"state": "failed", "lastDueTime": "2026-03-01T00:10:00Z"}),
    ],
)
def test_a_report_is_what_its_cron_job_says(job: dict[str, Any], expected: dict[str, str]) -> None:
    pipeline = a_pipeline(lake={}, reports=[{"name": "daily", "schedule": "10 0 * * *"}])
    child = {"kind": "CronJob", "metadata": {"labels": {"logpipeline.dev/report": "daily"}}, "status": job}
    status = status_of(pipeline, replace(facts(), reports=report_facts([child])), now=NOW)
    assert status["reports"] == [{"name": "daily", **expected}]
    assert status_of(pipeline, facts(), now=NOW)["reports"] == [{"name": "daily", "state": "waiting"}]


def test_a_suspended_pipeline_keeps_the_number_of_its_records() -> None:
    silent = replace(facts(), kafka=KafkaFacts(observed_at=NOW))
    for suspend, expected in ((True, 1000), (False, None)):
        status = status_of(a_pipeline(suspend=suspend), silent, now=NOW, previous={"records": 1000})
        assert status.get("records") == expected
