"""Edits of a running pipeline: which take effect, which are refused, and what runs on."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import yaml

from logpipeline.acceptance import Acceptance, RunningGoal, accept
from logpipeline.api import LogPipeline, parse
from logpipeline.api.status import GoalStatus
from logpipeline.errors import ResourceError
from logpipeline.rules import rule_of

RATE = {
    "name": "rate",
    "where": [{"field": "status", "between": [401, 403]}],
    "groupBy": ["host"],
    "window": {"size": "20s", "slide": "5s"},
    "having": {"greaterThan": 10},
}
MEAN = {
    "name": "mean",
    "groupBy": ["host"],
    "window": {"size": "1m"},
    "aggregate": {"avg": {"field": "request_time"}},
    "having": {"greaterThan": 0.5},
}
PRESET = {"name": "client-rate", "preset": "client-rate"}


def pipeline(*goals: dict[str, Any], **spec: Any) -> LogPipeline:
    return parse(
        {
            "apiVersion": "logpipeline.dev/v1alpha1",
            "kind": "LogPipeline",
            "metadata": {"name": "web", "generation": 7, "uid": "u"},
            "spec": {"kafka": {"managed": {}}, "goals": list(goals or (RATE, MEAN, PRESET)), **copy.deepcopy(spec)},
        }
    )


def remembered(acceptance: Acceptance) -> dict[str, RunningGoal]:
    """What comes back after the status has been to the API server: JSON without what is None."""
    goals = [
        GoalStatus.model_validate({"name": name, "stateVersion": goal.state_version, "rule": goal.rule})
        for name, goal in acceptance.running.items()
    ]
    documents = [goal.model_dump(mode="json", by_alias=True, exclude_none=True) for goal in goals]
    return {one["name"]: RunningGoal(one["stateVersion"], one["rule"]) for one in documents}


UNTOUCHED = accept(pipeline(), {})
RUNNING = remembered(UNTOUCHED)


def edited(goal: dict[str, Any], **changes: Any) -> tuple[dict[str, Any], ...]:
    return tuple({**one, **changes} if one is goal else one for one in (RATE, MEAN, PRESET))


# An edit, and the changes that are refused of it, by goal.
EDITS: dict[str, tuple[LogPipeline, dict[str, list[str]]]] = {
    "none": (pipeline(), {}),
    "a threshold": (pipeline(*edited(RATE, having={"greaterThan": 11})), {}),
    "a comparison": (pipeline(*edited(RATE, having={"timesPrevious": 3, "over": 4}, emit=None)), {}),
    "a metric": (pipeline(*edited(PRESET, having=None)), {}),
    "emit": (pipeline(*edited(RATE, emit="final")), {}),
    "the same rule in other words": (
        pipeline(
            *edited(
                PRESET,
                preset=None,
                groupBy=["client_ip"],
                window={"size": "20000ms", "slide": "1s"},
                aggregate={"count": {}},
                having={"greaterThan": 10},
            )
        ),
        {},
    ),
    "a new goal": (pipeline(RATE, {**RATE, "name": "rate-2", "window": {"size": "30s"}}), {}),
    "size": (pipeline(*edited(RATE, window={"size": "30s", "slide": "5s"})), {"rate": ["window.size from 20 to 30"]}),
    "size and slide": (
        pipeline(*edited(RATE, window={"size": "30s"})),
        {"rate": ["window.size from 20 to 30", "window.slide from 5 to 30"]},
    ),
    "size with new state": (pipeline(*edited(RATE, window={"size": "30s"}, stateVersion=2)), {}),
    "key": (pipeline(*edited(MEAN, groupBy=["server"])), {"mean": ["groupBy from ['host'] to ['server']"]}),
    "aggregate": (
        pipeline(*edited(MEAN, aggregate={"count": {}}, having={"greaterThan": 100}, emit="early")),
        {"mean": ["aggregate from avg_request_time to count"]},
    ),
    "filter": (
        pipeline(*edited(RATE, where=[])),
        {"rate": ["where from [{'field': 'status', 'between': [401.0, 403.0]}] to []"]},
    ),
    "preset": (
        pipeline(*edited(PRESET, preset="host-errors")),
        {
            "client-rate": [
                "where from [] to [{'field': 'status', 'between': [400.0, 499.0]}]",
                "groupBy from ['client_ip'] to ['host']",
                "window.size from 20 to 30",
            ]
        },
    ),
    "shards": (
        pipeline(spark={"shards": 4}),
        {name: ["spark.shards from 2 to 4"] for name in ("rate", "mean", "client-rate")},
    ),
    "raw topic": (
        pipeline(source={"topic": {"name": "other"}}),
        {name: ["source.topic from web.raw to other"] for name in ("rate", "mean", "client-rate")},
    ),
    "raw topic, with new state of one goal": (
        pipeline(*edited(RATE, stateVersion=2), source={"topic": {"name": "other"}}),
        {name: ["source.topic from web.raw to other"] for name in ("mean", "client-rate")},
    ),
    "raw topic, with new state of all": (
        pipeline(*({**one, "stateVersion": 2} for one in (RATE, MEAN, PRESET)), source={"topic": {"name": "other"}}),
        {},
    ),
}


@pytest.mark.parametrize("name", EDITS)
def test_edits(name: str) -> None:
    wanted, refused = EDITS[name]
    result = accept(wanted, RUNNING)
    assert {refusal.goal: list(refusal.changes) for refusal in result.refusals} == refused
    for goal in result.pipeline.spec.goals:
        rule = rule_of(goal)
        if goal.name in refused:
            assert result.running[goal.name].state_version == goal.state_version == 1
            # To the letter: another text of the same rule would restart the goal.
            assert result.goal_pipeline(goal.name).document() == UNTOUCHED.goal_pipeline(goal.name).document()
        alone = parse(yaml.safe_load(yaml.safe_dump(result.goal_pipeline(goal.name).document())))
        assert [rule_of(one) for one in alone.spec.goals] == [rule]
        assert alone.topics()["raw"].name == result.running[goal.name].rule["source.topic"]
        assert alone.spec.spark.shards == result.running[goal.name].rule["spark.shards"]
    # What is remembered of an edit is what the next one is measured by.
    assert accept(wanted, remembered(result)).running == result.running


def test_a_refused_goal_runs_on_as_a_whole() -> None:
    """A threshold for the new value would be nonsense for the old one, and emit: early not even valid."""
    result = accept(EDITS["aggregate"][0], RUNNING)
    (mean,) = (rule_of(goal) for goal in result.pipeline.spec.goals if goal.name == "mean")
    assert (mean.value_name, mean.threshold, mean.early) == ("avg_request_time", 0.5, False)
    assert result.refusals[0].message == (
        "goal 'mean': aggregate from avg_request_time to count would make its state wrong, so it runs on as before; take "
        "the edit back, give the rule a new goal name, or raise stateVersion (to 2 here), which counts anew from startFrom "
        "(earliest)"
    )


def test_a_threshold_beside_other_shards_takes_effect() -> None:
    result = accept(pipeline(*edited(RATE, having={"greaterThan": 11}), spark={"shards": 4}), RUNNING)
    assert rule_of(result.pipeline.spec.goals[0]).threshold == 11
    assert result.running["rate"].rule["having.greaterThan"] == 11


def test_shards_come_with_new_state_goal_by_goal() -> None:
    result = accept(pipeline(*edited(RATE, stateVersion=2), spark={"shards": 4}), RUNNING)
    assert [refusal.goal for refusal in result.refusals] == ["mean", "client-rate"]
    assert [result.goal_pipeline(name).spec.spark.shards for name in ("rate", "mean")] == [4, 2]


def test_one_raw_topic_for_all() -> None:
    result = accept(EDITS["raw topic, with new state of one goal"][0], RUNNING)
    assert result.pipeline.topics()["raw"].name == "web.raw"
    assert result.running["rate"].state_version == 2
    assert "raise stateVersion of every goal in one edit" in result.refusals[0].message
    moved = accept(EDITS["raw topic, with new state of all"][0], RUNNING)
    assert moved.pipeline.topics()["raw"].name == "other"


def test_state_version_is_never_lowered() -> None:
    raised = remembered(accept(pipeline(*edited(RATE, stateVersion=3)), {}))
    result = accept(pipeline(*edited(RATE, stateVersion=2, having={"greaterThan": 11})), raised)
    assert result.refusals[0].changes == ("stateVersion from 3 to 2",)
    assert (result.pipeline.spec.goals[0].state_version, result.running["rate"].state_version) == (3, 3)


def test_what_runs_on_can_collide_with_what_is_new() -> None:
    goals = (RATE, {**MEAN, "name": "second", "topic": {"name": "web.raw"}})
    with pytest.raises(ResourceError, match=r"web\.raw has two uses, raw and goal second"):
        accept(pipeline(*goals, source={"topic": {"name": "other"}}), RUNNING)


def test_a_refused_goal_keeps_what_it_compares_with() -> None:
    compares = edited(RATE, having={"timesPrevious": 3, "greaterThan": 1}, emit=None)
    running = accept(pipeline(*compares), {}).running
    assert (running["rate"].rule["having.timesPrevious"], running["rate"].rule["having.over"]) == (3, 6)
    refused = accept(pipeline(*edited(RATE, window={"size": "1m"})), running)
    assert [refusal.goal for refusal in refused.refusals] == ["rate"]
    goal = refused.pipeline.spec.goals[0]
    assert rule_of(goal) == rule_of(pipeline(*compares).spec.goals[0])
    assert refused.running["rate"].rule == running["rate"].rule


@pytest.mark.parametrize(
    "spec",
    [
        {"sink": {"elasticsearch": {"managed": {}}}},
        {"source": {"generator": {}, "topic": {"retention": "1h"}}},
        {"kafka": {"managed": {"config": {"log.cleaner.threads": "2"}}}},
        {"spark": {"pod": {"labels": {"a": "b"}}, "image": "i"}},
        {"deletePolicy": "Delete", "suspend": True},
    ],
    ids=str,
)
def test_a_goal_does_not_see_what_it_does_not_read(spec: dict[str, Any]) -> None:
    before, after = accept(pipeline(), RUNNING), accept(pipeline(**spec), RUNNING)
    assert after.goal_pipeline("rate").document() == before.goal_pipeline("rate").document()


def test_nor_other_goals() -> None:
    after = accept(pipeline(*edited(MEAN, having={"greaterThan": 2})), RUNNING)
    assert after.goal_pipeline("rate") == accept(pipeline(), RUNNING).goal_pipeline("rate")
    assert after.goal_pipeline("mean") != accept(pipeline(), RUNNING).goal_pipeline("mean")
