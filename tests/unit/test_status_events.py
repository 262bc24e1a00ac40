"""Which changes of the conditions are worth an Event."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from logpipeline_operator.observe.facts import Facts, Fault, FaultKind, IndexFacts, KafkaFacts, TopicsFacts
from logpipeline_operator.status.conditions import status_of, status_of_invalid
from logpipeline_operator.status.events import events_of
from observed import NOW, facts, workload
from pipelines import a_pipeline

PIPELINE = a_pipeline()


def status(seen: Facts, **more: Any) -> dict[str, Any]:
    return status_of(PIPELINE, seen, now=NOW, **more)


def told(old: dict[str, Any] | None, new: dict[str, Any]) -> list[tuple[str, str]]:
    return [(event.type, event.reason) for event in events_of(old, new)]


def test_a_start_tells_when_it_has_come_to_its_end() -> None:
    nothing = status(Facts(observed_at=NOW))
    assert told(None, nothing) == []
    assert told(nothing, status(facts())) == [("Normal", "Healthy"), ("Normal", "Ready")]
    assert told(status(facts()), status(facts())) == []


def test_a_fault_is_told_once_whoever_shows_it() -> None:
    fault = Fault(FaultKind.AUTHENTICATION_FAILED, "Kafka refuses the credentials; look at the Secret 'kafka-user'")
    broken = status(facts(kafka=KafkaFacts(fault=fault), topics=TopicsFacts()))
    events = events_of(status(facts()), broken)
    assert [(event.type, event.reason, event.message) for event in events] == [
        (
            "Warning",
            "AuthenticationFailed",
            "KafkaReady: Kafka refuses the credentials; look at the Secret 'kafka-user'",
        )
    ]
    assert told(broken, status(facts())) == [("Normal", "Healthy"), ("Normal", "Ready")]


def test_a_restart_is_no_event() -> None:
    restarts = facts(instead=workload("connect", ready=0, unready_since=NOW), connector=None)
    assert told(status(facts()), status(restarts, previous=status(facts()))) == []


def test_two_faults_are_two_events() -> None:
    broken = facts(
        index=IndexFacts(fault=Fault(FaultKind.UNREACHABLE, "Elasticsearch does not answer")),
        goals={},
        instead=workload("goal", "client-rate", ready=0, restarts=3, waiting="CrashLoopBackOff", message="exit code 1"),
    )
    assert told(status(facts()), status(broken)) == [("Warning", "CrashLoop"), ("Warning", "Unreachable")]


def test_every_edit_that_is_refused_gets_its_answer() -> None:
    def edited(generation: int) -> dict[str, Any]:
        metadata = PIPELINE.metadata.model_copy(update={"generation": generation})
        pipeline = PIPELINE.model_copy(update={"metadata": metadata})
        return status_of(pipeline, facts(), now=NOW, refusals=["goals[0].window would change; raise stateVersion"])

    assert told(status(facts()), edited(2)) == [("Warning", "ChangeRefused")]
    assert told(edited(2), edited(2)) == []
    assert told(edited(2), edited(3)) == [("Warning", "ChangeRefused")]
    invalid = [status_of_invalid(["spec.goals is missing"], number, now=NOW) for number in (2, 3)]
    assert told(None, invalid[0]) == [("Warning", "ResourceInvalid")]
    assert told(*invalid) == [("Warning", "ResourceInvalid")]


def test_a_suspension_is_told_at_its_end() -> None:
    suspended = a_pipeline(suspend=True)
    drains = status_of(suspended, facts(), now=NOW)
    still = replace(facts(), workloads=tuple(replace(item, desired=0, ready=0, pods=0) for item in facts().workloads))
    assert ("Normal", "Suspended") in told(drains, status_of(suspended, still, now=NOW))
