"""Result messages → detections."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import orjson

from logpipeline.api import LogPipeline
from logpipeline.rules import Rule, rule_of
from logpipeline_alert_bridge.episodes import Detection


class MalformedError(Exception):
    """A message of a result topic that is no result of its goal."""


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
    """Return the goals with a threshold, by the name of the topic of their results."""
    topics = pipeline.topics()
    result = {}
    for goal in pipeline.spec.goals:
        rule = rule_of(goal)
        if rule.threshold is None:
            continue
        gap = rule.slide + int(goal.alert.quiet_period.total_seconds())
        fields = tuple(goal.alert.group_by or rule.group_by)
        found = AlertingGoal(rule, fields, goal.alert.severity, gap, goal.alert.max_open, goal.state_version)
        result[topics[f"goal {goal.name}"].name or ""] = found
    return result


def detection(goal: AlertingGoal, value: bytes | None, source: int, offset: int) -> Detection:
    """Return the detection that a message of the goal's result topic tells of.

    Raises MalformedError, saying what is wrong, for any other message.
    """
    try:
        result = orjson.loads(value or b"")
        if not isinstance(result, Mapping) or result.get("goal") != goal.rule.name:
            raise MalformedError(f"is no result of {goal.rule.name}")
        return Detection(
            goal.rule.name,
            tuple(str(result[field]) for field in goal.fields),
            start=_moment(result["window_start"]),
            end=_moment(result["window_end"]),
            value=float(result[goal.rule.value_name]),
            source=source,
            offset=offset,
        )
    except orjson.JSONDecodeError as error:
        raise MalformedError(f"is not JSON: {error}") from error
    except KeyError as error:
        raise MalformedError(f"has no {error.args[0]}") from error
    except (TypeError, ValueError) as error:
        raise MalformedError(str(error)) from error


def _moment(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())
