"""The numbers of the status: what is known of each goal, and what is no news."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from logpipeline_operator.observe.facts import Facts, Fault, FaultKind, KafkaFacts
from logpipeline_operator.status.conditions import status_of
from logpipeline_operator.status.numbers import numbers_only, rate_text, rounded
from observed import NOW, facts, goal, progress, workload
from pipelines import a_pipeline

PIPELINE = a_pipeline()


def status(seen: Facts, **more: Any) -> dict[str, Any]:
    return status_of(PIPELINE, seen, now=NOW, **more)


def test_what_the_status_says_of_a_pipeline_that_runs() -> None:
    shown = status(facts())
    del shown["conditions"]
    assert shown == {
        "observedGeneration": 0,
        "goals": [
            {
                "name": "client-rate",
                "state": "running",
                "lag": 0,
                "recordsPerSecond": 200.0,
                "batch": 7,
                "lastBatchTime": "2026-03-01T11:59:58Z",
                "offsets": {"0": 500, "1": 500},
                "checkpoint": "/checkpoint/client-rate",
                "restarts": 0,
            }
        ],
        "goalsReady": "1/1",
        "lag": 0,
        "rate": "200/s",
        "records": 1000,
        "sink": {"connector": "RUNNING", "tasks": "2/2", "indexed": 999, "deadLetters": 1},
    }


def test_what_is_unknown_is_left_out_and_never_zero() -> None:
    shown = status(Facts(observed_at=NOW))
    assert set(shown) == {"observedGeneration", "conditions", "goals", "goalsReady"}
    assert shown["goals"] == [{"name": "client-rate", "state": "starting"}]


def test_a_goal_that_does_not_answer_keeps_what_lasts() -> None:
    failed = facts(goals={"client-rate": goal(progress=progress(state="failed", error="disk full", state_version=2))})
    before = status(failed)
    assert before["goals"][0]["lastError"] == "client-rate: disk full"
    restarts = facts(instead=workload("goal", "client-rate", ready=0, restarts=1, unready_since=NOW), goals={})
    assert status(restarts, previous=before)["goals"] == [
        {
            "name": "client-rate",
            "state": "starting",
            "batch": 7,
            "lastBatchTime": "2026-03-01T11:59:58Z",
            "offsets": {"0": 500, "1": 500},
            "checkpoint": "/checkpoint/client-rate",
            "stateVersion": 2,
            "lastError": "client-rate: disk full",
            "restarts": 1,
        }
    ]


@pytest.mark.parametrize(
    ("seen", "state"),
    [
        (facts(goals={"client-rate": goal(lag=9, still_seconds=100.0)}), "stalled"),
        (facts(goals={"client-rate": goal(progress=progress(state="failed"))}), "failed"),
        (facts(goals={"client-rate": goal(progress=None, fault=Fault(FaultKind.UNREACHABLE, "x"))}), "unreachable"),
        (facts(goals={"client-rate": goal(progress=progress(state="starting"))}), "starting"),
        (facts(instead=workload("goal", "client-rate", desired=0, ready=0, pods=0), goals={}), "suspended"),
        (
            facts(instead=workload("goal", "client-rate", ready=0, restarts=3, waiting="CrashLoopBackOff"), goals={}),
            "failed",
        ),
        (facts(goals={}), "unknown"),
    ],
)
def test_the_state_of_a_goal_is_one_word(seen: Facts, state: str) -> None:
    assert status(seen)["goals"][0]["state"] == state


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0, "0/s"), (0.04, "0/s"), (0.26, "0.3/s"), (9.96, "10/s"), (199.6, "200/s"), (12_345, "12300/s"),
     (1_234_567, "1230000/s"), (None, None)],
)  # fmt: skip
def test_a_rate_has_three_digits(value: float | None, expected: str | None) -> None:
    assert rate_text(value) == expected


def test_noise_is_no_change() -> None:
    assert {rounded(value) for value in (12_310.0, 12_341.9, 12_260.0)} == {12_300.0}


def test_live_numbers_alone_are_no_news() -> None:
    old = status(facts())
    moved = facts(
        kafka=replace(facts().kafka, records=2000),
        goals={"client-rate": goal(lag=3, rate=100.0, progress=progress(batch=8, offset_total=2000))},
    )
    assert numbers_only(old, status(moved, previous=old))
    assert not numbers_only(old, old)
    assert not numbers_only(None, old)
    down = status(facts(kafka=KafkaFacts(fault=Fault(FaultKind.UNREACHABLE, "x"))), previous=old)
    assert not numbers_only(old, down)
    restarted = status(facts(instead=workload("goal", "client-rate", restarts=1)), previous=old)
    assert not numbers_only(old, restarted)
