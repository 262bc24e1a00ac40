"""A goal as the kernel runs it: every default filled in, durations in seconds.

`Rule` is the one description that the live stream, backtest and replay share.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from logpipeline.api.condition import Condition
from logpipeline.api.goal import DEFAULT_OVER, Goal, value_name
from logpipeline.api.resource import LogPipeline
from logpipeline.errors import LogPipelineError

AggregateKind = Literal["count", "sum", "avg", "min", "max", "p95"]


@dataclass(frozen=True)
class Previous:
    """A window is more than `times` the mean of the `over` disjoint windows right before it, of the same key."""

    times: float
    over: int


@dataclass(frozen=True)
class Rule:
    """One windowed rule.

    `size` and `slide` are whole seconds; `field` is None for a count. A result's value is greater than `threshold` and
    jumps against `previous`, where they are given; with neither the goal is a metric.
    """

    name: str
    where: tuple[Condition, ...]
    group_by: tuple[str, ...]
    size: int
    slide: int
    aggregate: AggregateKind
    field: str | None
    threshold: float | None
    early: bool
    previous: Previous | None = None

    @property
    def pane(self) -> int:
        """Seconds of the longest span that no window edge cuts: records of one pane share all their windows.

        Panes are from Li et al., "No Pane, No Gain" (SIGMOD Record 2005); with slide dividing size a pane is the slide.
        """
        return math.gcd(self.size, self.slide)

    @property
    def before(self) -> int:
        """Seconds before a window that it is compared with."""
        return 0 if self.previous is None else self.previous.over * self.size

    @property
    def kept(self) -> int:
        """Seconds of event time that a record matters: in its windows, and as what later ones are compared with."""
        return self.size + self.before

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields of a record that it groups by, tests or aggregates, each once."""
        used = [*self.group_by, *(condition.field for condition in self.where), *([self.field] if self.field else [])]
        return tuple(dict.fromkeys(used))

    @property
    def detects(self) -> bool:
        """Whether its results are detections; those of a metric are all windows with a record."""
        return self.threshold is not None or self.previous is not None

    @property
    def limit(self) -> str | None:
        """What a result's value is greater than, in words, for example `10` or `3 × the mean of the 6 windows before`;
        None for a metric.
        """
        limits = [] if self.threshold is None else [f"{self.threshold:g}"]
        if self.previous is not None:
            windows = f"{self.previous.over} windows" if self.previous.over > 1 else "window"
            mean = "the mean of the" if self.previous.over > 1 else "that of the"
            limits.append(f"{self.previous.times:g} × {mean} {windows} before")
        return " and ".join(limits) or None

    @property
    def value_name(self) -> str:
        """Name of the aggregate in a result, e.g. `count` or `avg_request_time`."""
        return value_name(self.aggregate, self.field)

    def meaning(self) -> str:
        """Return what is computed, in words: `count by client_ip in 20 s every 1 s`."""
        every = f" every {self.slide} s" if self.slide != self.size else ""
        return f"{self.value_name} by {', '.join(self.group_by)} in {self.size} s{every}"

    def identity(self) -> dict[str, Any]:
        """Return what the state of a running goal depends on, in the words of the resource; a change of any of it makes
        old state wrong.

        What makes a window a result and when it is emitted are not of it: what is counted stays the same.
        """
        return {
            "where": [condition.model_dump(by_alias=True, exclude_none=True, mode="json") for condition in self.where],
            "groupBy": list(self.group_by),
            "window.size": self.size,
            "window.slide": self.slide,
            "aggregate": self.value_name,
        }


def rule_of(goal: Goal) -> Rule:
    """Return the rule that a goal of the resource means."""
    # The model has refused anything else.
    assert goal.window is not None
    assert goal.group_by is not None
    size = int(goal.window.size.total_seconds())
    aggregate: AggregateKind = "count"
    field = None
    if goal.aggregate is not None:
        name, field = goal.aggregate.chosen()
        aggregate = cast("AggregateKind", name)
    having = goal.having
    previous = None
    if having is not None and having.times_previous is not None:
        previous = Previous(having.times_previous, DEFAULT_OVER if having.over is None else having.over)
    # What a window is compared with is known, and its own value final, when it closes.
    can_be_early = having is not None and previous is None and aggregate == "count"
    return Rule(
        name=goal.name,
        where=tuple(goal.where or ()),
        group_by=tuple(goal.group_by),
        size=size,
        slide=int(goal.window.slide.total_seconds()) if goal.window.slide else size,
        aggregate=aggregate,
        field=field,
        threshold=having.greater_than if having else None,
        early=can_be_early if goal.emit is None else goal.emit == "early",
        previous=previous,
    )


def episode_gap(goal: Goal) -> int:
    """Return how many seconds apart the windows of one episode of a goal may begin: its slide and its quietPeriod."""
    return rule_of(goal).slide + int(goal.alert.quiet_period.total_seconds())


def alerts(pipeline: LogPipeline) -> list[str]:
    """Return the names of the goals that alert: those that detect, where the resource wants alerts."""
    return detecting(pipeline) if pipeline.spec.alerting is not None else []


def detecting(pipeline: LogPipeline) -> list[str]:
    """Return the names of the goals whose results are detections."""
    return [goal.name for goal in pipeline.spec.goals if goal.having is not None]


def state_identity(pipeline: LogPipeline, rule: Rule) -> dict[str, Any]:
    """Return all that the state of a goal stands on, in the words of the resource: its rule, the topic whose offsets
    are in it, and its number of parts.
    """
    topic = pipeline.topics()["raw"].name
    return {**rule.identity(), "source.topic": topic, "spark.shards": pipeline.spec.spark.shards}


def state_changes(running: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """Return how the identity `wanted` differs from that of the `running` state, a phrase a field; empty when it does
    not.
    """
    return [
        f"{name} from {running.get(name)} to {value}" for name, value in wanted.items() if running.get(name) != value
    ]


def state_folder(goal: Goal) -> str:
    """Return the name of the folder, below that of the checkpoints, in which a goal keeps its state."""
    return goal.name if goal.state_version == 1 else f"{goal.name}.v{goal.state_version}"


def chosen_rules(pipeline: LogPipeline, names: Sequence[str]) -> list[Rule]:
    """Return the rules of the goals `names` of a pipeline, each once, or of all when there are none; raises
    LogPipelineError for a name that the pipeline lacks.
    """
    rules = {goal.name: rule_of(goal) for goal in pipeline.spec.goals}
    for name in names:
        if name not in rules:
            raise LogPipelineError(f"--goal: {pipeline.name} has no goal {name!r}; it has {', '.join(rules)}")
    return [rules[name] for name in dict.fromkeys(names or rules)]
