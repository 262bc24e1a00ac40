"""Whether a run flowed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from logpipeline.local.facts import ComponentFacts, Facts, State, Totals
from logpipeline.local.flow import flow_faults
from logpipeline.progress import GoalProgress

GOAL = GoalProgress("rate", "running", lag_records=0, records_total=100)
TOTALS = Totals(kept=100, produced=100, invalid=2, dead_letters=3, results={"rate": 0}, indexed=97)


def component(name: str, state: State = "running", lacking: str | None = None) -> ComponentFacts:
    return ComponentFacts(name, state, lacking, address=None, pid=1, memory_bytes=1, restarts=0)


FACTS = Facts(
    pipeline="web",
    phase="draining",
    elapsed=60,
    components=[component("kafka"), component("goals"), component("generator", "stopped")],
    goals={"rate": GOAL},
    newest={},
    totals=TOTALS,
    memory_bytes=1,
    first_detection=None,
)


def faults(facts: Facts, produced_in_run: int = 100) -> list[str]:
    return flow_faults(facts, ["rate"], produced_in_run, frozenset({"generator"}))


def test_everything_went_through() -> None:
    assert faults(FACTS) == []


def test_no_result_is_no_fault() -> None:
    assert faults(replace(FACTS, totals=replace(TOTALS, results={"rate": 0}))) == []


@pytest.mark.parametrize(
    ("totals", "expected"),
    [
        (replace(TOTALS, produced=0, kept=0, indexed=0, dead_letters=0), ["source: no record on the raw topic"]),
        (
            replace(TOTALS, indexed=96),
            ["connector: 96 indexed and 3 refused make 99, not the 100 records produced"],
        ),
        (
            replace(TOTALS, indexed=98),
            ["connector: 98 indexed and 3 refused make 101, not the 100 records produced"],
        ),
        (replace(TOTALS, indexed=None), ["elasticsearch: does not tell how many records it has"]),
        # Kafka has dropped the 40 oldest: they may be in the index or not.
        (replace(TOTALS, kept=60), []),
        (replace(TOTALS, kept=60, indexed=57), []),
        (
            replace(TOTALS, kept=60, indexed=56),
            ["connector: 56 indexed and 3 refused make 59, not the 100 records produced"],
        ),
        # A record may be a dead letter twice.
        (replace(TOTALS, dead_letters=5, refused=3), []),
        (
            replace(TOTALS, dead_letters=3, refused=2),
            ["connector: 97 indexed and 2 refused make 99, not the 100 records produced"],
        ),
        # No sink in the resource.
        (replace(TOTALS, dead_letters=None, indexed=None), []),
    ],
)
def test_the_index_and_the_dead_letters_make_what_was_produced(totals: Totals, expected: list[str]) -> None:
    assert faults(replace(FACTS, totals=totals)) == expected


@pytest.mark.parametrize(
    ("goal", "expected"),
    [
        (None, "goal rate: does not answer"),
        (replace(GOAL, lag_records=None), "goal rate: does not tell how far it is"),
        (replace(GOAL, lag_records=1500), "goal rate: is 1,500 records behind"),
        (replace(GOAL, offset_total=90), "goal rate: is 10 records behind"),
        (replace(GOAL, state="failed", error="disk full"), "goal rate: is failed: disk full"),
        (replace(GOAL, state="starting"), "goal rate: is starting"),
        (replace(GOAL, records_total=0), "goal rate: has processed nothing"),
    ],
)
def test_a_goal_that_is_behind_is_named(goal: GoalProgress | None, expected: str) -> None:
    assert faults(replace(FACTS, goals={"rate": goal} if goal else {})) == [expected]


def test_a_goal_has_nothing_to_do_in_a_run_that_produced_nothing() -> None:
    assert faults(replace(FACTS, goals={"rate": replace(GOAL, records_total=0)}), produced_in_run=0) == []


def test_a_component_that_is_down_is_named() -> None:
    down = replace(FACTS, components=[component("connect", "restarting", "does not answer")])
    assert faults(down) == ["connect: is restarting: does not answer"]


def test_a_kafka_that_does_not_answer_leaves_nothing_to_judge() -> None:
    down = replace(FACTS, totals=None, components=[component("kafka", "not answering", "refused")])
    assert faults(down) == ["kafka: does not tell what is on the topics", "kafka: is not answering: refused"]
