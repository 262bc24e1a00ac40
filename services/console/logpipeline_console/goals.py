"""What the page knows of each goal before anything has come of it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from logpipeline.api import LogPipeline
from logpipeline.rules import Rule, episode_gap, rule_of


@dataclass(frozen=True)
class ShownGoal:
    """A goal: its rule, the topic of its results, and how many seconds apart the windows of one episode may begin."""

    rule: Rule
    topic: str
    gap: int

    @property
    def detects(self) -> bool:
        """Whether its results are detections; those of others are points of a metric."""
        return self.rule.detects

    def document(self) -> dict[str, Any]:
        """Return what the page is told of it."""
        rule = self.rule
        return {
            "name": rule.name,
            "meaning": rule.meaning(),
            "topic": self.topic,
            "fields": list(rule.group_by),
            "value": rule.value_name,
            "limit": rule.limit,
            "early": rule.early,
            "size": rule.size,
        }


def goals_of(pipeline: LogPipeline) -> list[ShownGoal]:
    """Return the goals of a pipeline, in their order."""
    topics = pipeline.topics()
    shown = []
    for goal in pipeline.spec.goals:
        rule = rule_of(goal)
        shown.append(ShownGoal(rule, topics[f"goal {goal.name}"].name or "", episode_gap(goal)))
    return shown
