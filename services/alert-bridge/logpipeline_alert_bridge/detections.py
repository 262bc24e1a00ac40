"""Result messages → detections."""

from __future__ import annotations

from dataclasses import dataclass

from logpipeline.api import LogPipeline
from logpipeline.results import read_result
from logpipeline.rules import Rule, episode_gap, rule_of
from logpipeline_alert_bridge.episodes import Detection


@dataclass(frozen=True)
class AlertingGoal:
    """A goal whose results are detections: its rule, the fields that tell its alerts apart, how it alerts, and the
    version of its state.
    """

    rule: Rule
    fields: tuple[str, ...]
    severity: str
    gap: int
    most_open: int
    state_version: int


def alerting_goals(pipeline: LogPipeline) -> dict[str, AlertingGoal]:
    """Return the goals that detect, by the name of the topic of their results."""
    topics = pipeline.topics()
    result = {}
    for goal in pipeline.spec.goals:
        rule = rule_of(goal)
        if not rule.detects:
            continue
        fields = tuple(goal.alert.group_by or rule.group_by)
        found = AlertingGoal(
            rule, fields, goal.alert.severity, episode_gap(goal), goal.alert.max_open, goal.state_version
        )
        result[topics[f"goal {goal.name}"].name or ""] = found
    return result


def detection(goal: AlertingGoal, value: bytes | None, topic: str, partition: int, offset: int) -> Detection:
    """Return the detection in a message of the goal's result topic, whose identity is `topic`; raises
    MalformedResultError.
    """
    result = read_result(goal.rule, value)
    values = dict(zip(goal.rule.group_by, result.key, strict=True))
    return Detection(
        goal.rule.name,
        tuple(values[field] for field in goal.fields),
        start=result.start,
        end=result.end,
        value=result.value,
        topic=topic,
        partition=partition,
        offset=offset,
    )
