"""What of an edited resource takes effect: a running goal never goes on from state that another rule has counted.

The goal's own process refuses such state as well (`logpipeline_spark.checkpoint`); here the edit is told apart before
anything is touched, and the goal runs on by its old rule.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pydantic import ValidationError

from logpipeline.api import Aggregate, Condition, Goal, Having, LogPipeline, Window, parse_stored
from logpipeline.api.alerting import Alert
from logpipeline.api.goal import Count, OfField
from logpipeline.api.kafka import Kafka, ManagedKafka
from logpipeline.api.resource import Metadata, Spark, Spec
from logpipeline.api.source import Topic
from logpipeline.errors import ResourceError
from logpipeline.rules import rule_of, state_changes, state_identity

# Fields of the whole pipeline that a goal's state stands on; the rest of its identity is the goal's own.
_OF_THE_PIPELINE = ("source.topic", "spark.shards")


@dataclass(frozen=True)
class RunningGoal:
    """What a goal runs, as an `Acceptance` gave it and the status remembers it (`api.status.RunningRule`).

    `rule` is `state_identity` with the fields of `having` (None for what is not given) and `emit`.
    """

    state_version: int
    rule: Mapping[str, Any]


@dataclass(frozen=True)
class Refusal:
    """An edit of a goal that would make its state wrong. `message` names the goal, the changes and the ways out."""

    goal: str
    changes: tuple[str, ...]
    message: str


@dataclass(frozen=True)
class Acceptance:
    """The outcome of an edit.

    `pipeline` is what takes effect: the resource, in which refused goals have their running rule. `running` is what its
    goals then run, to be remembered. For one goal's own view see `goal_pipeline`: goals can differ in their shards.
    """

    pipeline: LogPipeline
    refusals: tuple[Refusal, ...]
    running: Mapping[str, RunningGoal]

    def goal_pipeline(self, name: str) -> LogPipeline:
        """Return the pipeline as the goal `name` sees it: itself alone, its rule written out, and nothing that it does
        not read, so that no edit restarts it that changes nothing for it, a refused one above all.
        """
        metadata, spec = self.pipeline.metadata, self.pipeline.spec
        source = spec.source
        (goal,) = (goal for goal in spec.goals if goal.name == name)
        running = self.running[name]
        return self.pipeline.model_copy(
            update={
                "metadata": Metadata(name=metadata.name, namespace=metadata.namespace),
                "spec": Spec(
                    source=source.model_copy(
                        update={
                            "topic": type(source.topic)(
                                name=running.rule["source.topic"], partitions=source.topic.partitions
                            ),
                            "invalid_topic": Topic(name=source.invalid_topic.name),
                            "generator": None,
                        }
                    ),
                    kafka=spec.kafka if spec.kafka.external else Kafka(managed=ManagedKafka()),
                    goals=[
                        _running_goal(goal, running).model_copy(
                            update={"topic": Topic(name=goal.topic.name), "alert": Alert()}
                        )
                    ],
                    spark=Spark(
                        trigger=spec.spark.trigger,
                        max_records_per_batch=spec.spark.max_records_per_batch,
                        shards=running.rule["spark.shards"],
                        executors=spec.spark.executors,
                        executor_resources=spec.spark.executor_resources if spec.spark.executors else None,
                        conf=spec.spark.conf,
                    ),
                ),
                "status": None,
            }
        )


def accept(pipeline: LogPipeline, running: Mapping[str, RunningGoal]) -> Acceptance:
    """Return what of `pipeline` takes effect beside the goals `running`, by name.

    There is one raw topic for all goals, the generator and the sink: as long as one goal keeps the old one, all do.
    Raises ResourceError when what runs on and what is new do not hold together.
    """
    effective = _with_raw_topic(pipeline, running)
    goals: list[Goal] = []
    refusals: list[Refusal] = []
    now: dict[str, RunningGoal] = {}
    for goal in pipeline.spec.goals:
        was = running.get(goal.name)
        if was is None or goal.state_version > was.state_version:
            goals.append(goal)
            now[goal.name] = RunningGoal(goal.state_version, _rule(goal, state_identity(effective, rule_of(goal))))
            continue
        wanted = state_identity(pipeline, rule_of(goal))
        refusal, kept = _compare(goal, was, wanted)
        if refusal is not None:
            refusals.append(refusal)
        goals.append(kept)
        now[goal.name] = RunningGoal(was.state_version, _rule(kept, {name: was.rule[name] for name in wanted}))
    if refusals:
        effective = effective.model_copy(update={"spec": effective.spec.model_copy(update={"goals": goals})})
        try:
            parse_stored(effective.document())
        except ResourceError as error:
            faults = [f"{fault} (goals whose edit is refused run on by their old rule)" for fault in error.faults]
            raise ResourceError(faults) from error
    return Acceptance(effective, tuple(refusals), now)


def _with_raw_topic(pipeline: LogPipeline, running: Mapping[str, RunningGoal]) -> LogPipeline:
    wanted = pipeline.topics()["raw"].name
    held = [
        running[goal.name].rule["source.topic"]
        for goal in pipeline.spec.goals
        if goal.name in running and goal.state_version <= running[goal.name].state_version
    ]
    topic = next((name for name in held if name != wanted), wanted)
    if topic == wanted:
        return pipeline
    source = pipeline.spec.source
    source = source.model_copy(update={"topic": source.topic.model_copy(update={"name": topic})})
    return pipeline.model_copy(update={"spec": pipeline.spec.model_copy(update={"source": source})})


def _compare(goal: Goal, was: RunningGoal, wanted: Mapping[str, Any]) -> tuple[Refusal | None, Goal]:
    """Return why the edit of a running goal is refused, None when it is not, and the goal as it runs on."""
    changes = state_changes(was.rule, wanted)
    if goal.state_version < was.state_version:
        changes.append(f"stateVersion from {was.state_version} to {goal.state_version}")
    if not changes:
        return None, goal
    changed = {name for name, value in wanted.items() if was.rule[name] != value}
    # A threshold belongs to the value that it was written for; beside a rule that stays it is free to change.
    kept = _running_goal(goal, was) if changed - {*_OF_THE_PIPELINE} else goal
    kept = kept.model_copy(update={"state_version": was.state_version})
    whose = "stateVersion of every goal in one edit" if "source.topic" in changed else "stateVersion"
    message = (
        f"goal {goal.name!r}: {', '.join(changes)} would make its state wrong, so it runs on as before; take the edit "
        f"back, give the rule a new goal name, or raise {whose} (to {was.state_version + 1} here), which counts anew "
        f"from startFrom ({goal.start_from})"
    )
    return Refusal(goal.name, tuple(changes), message), kept


def _rule(goal: Goal, identity: Mapping[str, Any]) -> dict[str, Any]:
    rule = rule_of(goal)
    having: dict[str, Any] = {"having.greaterThan": rule.threshold}
    if rule.previous is not None:
        having |= {"having.timesPrevious": rule.previous.times, "having.over": rule.previous.over}
    return {**identity, **having, "emit": "early" if rule.early else "final"}


def _running_goal(goal: Goal, was: RunningGoal) -> Goal:
    """Return `goal` with the rule that it runs, without a preset: that would fill in what the rule leaves out."""
    rule = was.rule
    kind, _, field = rule["aggregate"].partition("_")
    having = {name: rule.get(f"having.{name}") for name in ("greaterThan", "timesPrevious", "over")}
    return goal.model_copy(
        update={
            "preset": None,
            "where": _conditions(goal.name, rule["where"]),
            "group_by": list(rule["groupBy"]),
            "window": Window(
                size=timedelta(seconds=rule["window.size"]), slide=timedelta(seconds=rule["window.slide"])
            ),
            "aggregate": Aggregate.model_validate({kind: OfField(field=field) if field else Count()}),
            "having": Having.model_validate(having) if any(value is not None for value in having.values()) else None,
            "emit": rule.get("emit"),
        }
    )


def _conditions(goal: str, running: Sequence[Mapping[str, Any]]) -> list[Condition]:
    try:
        return [Condition.model_validate(condition, by_alias=True, by_name=False) for condition in running]
    except ValidationError as error:
        # A newer version has counted by it, and nobody else can: the goal's pod goes on.
        fault = f"goal {goal!r}: runs a condition that this version does not know"
        raise ResourceError([f"{fault}; upgrade the operator, or give the rule a new goal name"]) from error
