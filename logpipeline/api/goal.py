"""A goal: one windowed rule over the records, as the user writes it.

Everything here is data. A condition compares a field with literals, an aggregate names a field; nothing is ever
evaluated as code.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from logpipeline.api.alerting import Alert
from logpipeline.api.base import Duration, Model, Name, part
from logpipeline.api.cel import (
    CelRule,
    are_durations,
    checked,
    exactly_one,
    is_whole_seconds,
    one_of_fault,
    seconds,
    text,
    texts,
)
from logpipeline.api.condition import Condition, FieldName, given_of
from logpipeline.api.presets import PRESETS, PresetName
from logpipeline.api.source import Topic

# Of every result; beside them stand the fields of groupBy and the value, for example avg_request_time.
RESULT_FIELDS = ("goal", "window_start", "window_end", "count")
TAKEN = (
    f"a result has a field of this name itself ({', '.join(RESULT_FIELDS)}, or its value such as sum_bytes); map the "
    "record's field to a column in source.fields, and group by that column"
)
_WHOLE_SECONDS = "windows are whole seconds, at least 1s"
_SLIDE_TOO_LARGE = "slide is larger than size, so records between two windows would be lost; make it at most size"
# A result for each window of each key is far more than anyone can read, and takes a goal as long to write.
_MOST_WINDOWS = 20_000
_SLIDE_TOO_SMALL = (
    f"size is more than {_MOST_WINDOWS} times slide, and a record would be in as many windows; make slide larger"
)
_SLIDE_LEAVES_REST = "slide does not divide size; choose a slide that goes into size without rest"
_AGGREGATES = ("count", "sum", "avg", "min", "max", "p95")


def _whole_seconds(field: str) -> CelRule:
    value = f"self.{field}"
    return CelRule(
        f"window-{field}",
        f"!has({value}) || !({are_durations(value)}) || {seconds(value)} >= 1 && {is_whole_seconds(value)}",
        f"{field}: {_WHOLE_SECONDS}",
        field=field,
    )


_SIZE, _SLIDE = seconds("self.size"), seconds("self.slide")
_UNKNOWN_SLIDE = f"!has(self.slide) || !({are_durations('self.size', 'self.slide')})"


class Window(Model):
    """Windows [start, end) aligned to the epoch."""

    size: Duration = Field(description="Length of a window, whole seconds.")
    slide: Duration | None = Field(
        None,
        description="Distance of two window starts; absent: the size (tumbling windows). "
        f"At least size / {_MOST_WINDOWS}.",
    )

    cel: ClassVar = (
        _whole_seconds("size"),
        _whole_seconds("slide"),
        CelRule("slide-within-size", f"{_UNKNOWN_SLIDE} || {_SLIDE} <= {_SIZE}", _SLIDE_TOO_LARGE, field="slide"),
        CelRule(
            "slide-far-below-size",
            f"{_UNKNOWN_SLIDE} || {_SLIDE} < 1 || {_SIZE} <= {_SLIDE} * {_MOST_WINDOWS}",
            _SLIDE_TOO_SMALL,
            field="slide",
        ),
        CelRule(
            "slide-divides-size",
            f"{_UNKNOWN_SLIDE} || {_SLIDE} < 1 || {_SLIDE} > {_SIZE} || {_SIZE} % {_SLIDE} == 0",
            _SLIDE_LEAVES_REST,
            field="slide",
        ),
    )

    @model_validator(mode="after")
    def _aligned(self) -> Window:
        for name, value in (("size", self.size), ("slide", self.slide)):
            if value is not None and (value.total_seconds() < 1 or value.microseconds):
                raise ValueError(f"{name}: {_WHOLE_SECONDS}")
        slide = self.slide if self.slide is not None else self.size
        if slide > self.size:
            raise ValueError(_SLIDE_TOO_LARGE)
        if self.size > slide * _MOST_WINDOWS:
            raise ValueError(_SLIDE_TOO_SMALL)
        if self.size.total_seconds() % slide.total_seconds():
            raise ValueError(_SLIDE_LEAVES_REST)
        return self


class Count(Model):
    """The number of records."""


class OfField(Model):
    """An aggregate of a numeric field."""

    field: FieldName = Field(description="The numeric field.")


class Aggregate(Model):
    """What is computed of a window's records: exactly one."""

    count: Count | None = Field(None, description="Number of records.")
    sum: OfField | None = Field(None, description="Sum of the field.")
    avg: OfField | None = Field(None, description="Mean of the field.")
    min: OfField | None = Field(None, description="Least value of the field.")
    max: OfField | None = Field(None, description="Greatest value of the field.")
    p95: OfField | None = Field(None, description="95th percentile of the field, nearest rank.")

    cel: ClassVar = (exactly_one("aggregate", _AGGREGATES),)

    @model_validator(mode="after")
    def _exactly_one(self) -> Aggregate:
        given = given_of(self, _AGGREGATES)
        if len(given) != 1:
            raise ValueError(one_of_fault(_AGGREGATES, given))
        return self

    def chosen(self) -> tuple[str, str | None]:
        """Return the name of the aggregate and its field, None for a count."""
        ((name, of),) = self.model_dump(exclude_none=True).items()
        return name, of.get("field")


def value_name(aggregate: str, field: str | None) -> str:
    """Return the name of an aggregate's value in a result, for example `count` or `avg_request_time`."""
    return aggregate if field is None else f"{aggregate}_{field}"


# Without `over`. No default of the field: the API server would fill it in where there is no timesPrevious.
DEFAULT_OVER = 6
_MOST_OVER = 100
_NO_RULE = "give greaterThan, timesPrevious, or both; a goal without having is a metric"
_OVER_ALONE = "over says how many windows timesPrevious compares with; give timesPrevious, or leave over out"


class Having(Model):
    """Which windows are results: all that is given holds."""

    greater_than: float | None = Field(None, description="The aggregate is greater than this.")
    times_previous: Annotated[float, Field(gt=0)] | None = Field(
        None,
        description="The aggregate is greater than so many times the mean of the windows right before it, of the same "
        "key. For count and sum a window without a record is 0; for the others it is left out, and with none there is "
        "no result. Nor is there one while those windows begin before the first record: there is nothing to compare "
        "with yet.",
    )
    over: Annotated[int, Field(ge=1, le=_MOST_OVER)] | None = Field(
        None,
        description="How many disjoint windows timesPrevious compares with; state holds their cells as well. "
        f"Absent: {DEFAULT_OVER}.",
    )

    cel: ClassVar = (
        CelRule("having-a-rule", "has(self.greaterThan) || has(self.timesPrevious)", _NO_RULE),
        CelRule("over-compares", "!has(self.over) || has(self.timesPrevious)", _OVER_ALONE, field="over"),
    )

    @model_validator(mode="after")
    def _is_a_rule(self) -> Having:
        if self.over is not None and self.times_previous is None:
            raise ValueError(_OVER_ALONE)
        if self.greater_than is None and self.times_previous is None:
            raise ValueError(_NO_RULE)
        return self


# What a goal comes to with its preset: an explicit field wins.
_HAS_THRESHOLD = (
    "(has(self.having) || has(self.preset) && self.preset in "
    f"{texts(name for name, preset in PRESETS.items() if 'having' in preset)})"
)
_COUNTS = (
    "(has(self.aggregate) ? has(self.aggregate.count) : !has(self.preset) || self.preset in "
    f"{texts(name for name, preset in PRESETS.items() if 'count' in preset['aggregate'])})"
)

_COMPARES = "(has(self.having) && has(self.having.timesPrevious))"


def _value_is_grouped() -> str:
    """Return the expression for whether groupBy has the name of the aggregate's value."""
    given = [
        f"has(self.aggregate.{kind}) && '{kind}_' + self.aggregate.{kind}.field in self.groupBy"
        for kind in _AGGREGATES
        if kind != "count"
    ]
    of_presets = [
        f"self.preset == {text(preset)} && {text(value_name(kind, of['field']))} in self.groupBy"
        for preset, fields in PRESETS.items()
        for kind, of in fields["aggregate"].items()
        if of
    ]
    return f"(has(self.aggregate) ? {' || '.join(given)} : has(self.preset) && ({' || '.join(of_presets)}))"


_NO_THRESHOLD = "emit: early needs having: without a threshold nothing can be passed early; use emit: final"
_NO_COUNT = "emit: early needs aggregate count, the only one that never falls again; use emit: final"
_NOT_EARLY = (
    "emit: early has no windows to compare with: how a window stands to those before it is known when it closes; use "
    "emit: final, or leave timesPrevious out"
)
_MANY_PANES = (
    f"over windows of this size hold more than {_MOST_WINDOWS} times slide, and state so much of each key; make slide "
    "larger or over smaller"
)
_BELOW_ZERO = "having.greaterThan: a count is never below 0; use 0 or more, or leave having out"
_NOT_GROUPED = "alert.groupBy names a field that groupBy does not; take fields of groupBy, or leave it out"
_GIVE_A_PRESET = f"is missing; give it, or a preset ({', '.join(PRESETS)}) that has it"


class Goal(Model):
    """One rule, its own application and container, with its own result topic."""

    name: Name = Field(description="Unique in the pipeline; names the container, the checkpoint and the result topic.")
    preset: PresetName | None = Field(
        None,
        description="Fills in what is absent; an explicit field wins. "
        "Of the text formats' columns client-rate and status-counts need no other.",
    )
    where: list[Condition] | None = Field(
        None, max_length=50, description="Conditions that all must hold; absent: every record."
    )
    group_by: list[FieldName] | None = Field(
        None,
        min_length=1,
        max_length=8,
        description="Fields of the group key, each by a name that no other field of a result has. "
        "A value of more than 1 KiB stands shortened in results, with a hash.",
        # Here and not at the goal: what is stored already stays valid as long as this list is not edited.
        json_schema_extra=checked(
            CelRule("result-fields", f"!self.exists(field, field in {texts(RESULT_FIELDS)})", TAKEN)
        ),
    )
    window: Window | None = Field(None, description="Windows of event time.")
    aggregate: Aggregate | None = Field(None, description="What is computed; absent: count.")
    having: Having | None = Field(None, description="Absent: a metric, every window with a record is a result.")
    emit: Literal["early", "final"] | None = Field(
        None,
        description="early: when the threshold is passed (count only, without timesPrevious); final: when the window "
        "closes. Absent: early for a count with having, where it can be, else final.",
    )
    topic: Topic = part(Topic, "Results; <pipeline>.<goal>.")
    alert: Alert = part(Alert, "How its results alert, where the pipeline has alerting and the goal has having.")
    state_version: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        1, description="Raised: the goal leaves its state behind and counts anew from startFrom; never lowered."
    )
    start_from: Literal["earliest", "latest"] = Field(
        "earliest", description="Offset of the raw topic at which new state begins; running state is not touched."
    )

    cel: ClassVar = (
        CelRule("goal-groups", "has(self.preset) || has(self.groupBy)", f"groupBy {_GIVE_A_PRESET}"),
        CelRule("goal-windows", "has(self.preset) || has(self.window)", f"window {_GIVE_A_PRESET}"),
        CelRule(
            "group-by-once",
            "!has(self.groupBy) || self.groupBy.all(field, self.groupBy.exists_one(other, other == field))",
            "groupBy names a field twice; name each once",
            field="groupBy",
        ),
        CelRule("result-value", f"!has(self.groupBy) || !{_value_is_grouped()}", TAKEN, field="groupBy"),
        CelRule(
            "alert-groups",
            "!has(self.alert.groupBy) || !has(self.groupBy) || self.alert.groupBy.all(field, field in self.groupBy)",
            _NOT_GROUPED,
            field="alert",
        ),
        CelRule(
            "early-has-threshold",
            f"!has(self.emit) || self.emit != 'early' || {_HAS_THRESHOLD}",
            _NO_THRESHOLD,
            field="emit",
        ),
        CelRule(
            "early-compares-nothing",
            f"!has(self.emit) || self.emit != 'early' || !{_COMPARES}",
            _NOT_EARLY,
            field="emit",
        ),
        CelRule(
            "previous-far-below-slide",
            # Of tumbling windows `over` is few enough.
            f"!{_COMPARES} || !has(self.window) || !has(self.window.slide) || "
            f"!({are_durations('self.window.size', 'self.window.slide')}) || "
            f"{seconds('self.window.size')} * (has(self.having.over) ? self.having.over : {DEFAULT_OVER}) <= "
            f"{seconds('self.window.slide')} * {_MOST_WINDOWS}",
            _MANY_PANES,
            field="having",
        ),
        CelRule("early-counts", f"!has(self.emit) || self.emit != 'early' || {_COUNTS}", _NO_COUNT, field="emit"),
        CelRule(
            "count-threshold",
            f"!has(self.having) || !has(self.having.greaterThan) || !{_COUNTS} || self.having.greaterThan >= 0.0",
            _BELOW_ZERO,
            field="having",
        ),
        CelRule(
            "state-version-rises",
            "self.stateVersion >= oldSelf.stateVersion",
            "stateVersion is never lowered, for an older state may be of another rule; raise it to start anew",
            field="stateVersion",
        ),
    )

    @model_validator(mode="before")
    @classmethod
    def _fill_in_preset(cls, value: Any) -> Any:
        if not isinstance(value, dict) or value.get("preset") not in list(PRESETS):
            return value
        # What is null is as absent as to the API server.
        return {**PRESETS[value["preset"]], **{name: given for name, given in value.items() if given is not None}}

    @model_validator(mode="after")
    def _is_a_rule(self) -> Goal:
        for name, given in (("groupBy", self.group_by), ("window", self.window)):
            if given is None:
                raise ValueError(f"{name} {_GIVE_A_PRESET}")
        if self.group_by is not None and len(set(self.group_by)) != len(self.group_by):
            raise ValueError("groupBy names a field twice; name each once")
        if self.group_by is not None and not set(self.alert.group_by or ()).issubset(self.group_by):
            raise ValueError(_NOT_GROUPED)
        if self.emit == "early":
            if self.having is None:
                raise ValueError(_NO_THRESHOLD)
            if self.having.times_previous is not None:
                raise ValueError(_NOT_EARLY)
            if self.aggregate is not None and self.aggregate.count is None:
                raise ValueError(_NO_COUNT)
        is_count = self.aggregate is None or self.aggregate.count is not None
        if self.having is not None:
            if is_count and self.having.greater_than is not None and self.having.greater_than < 0:
                raise ValueError(_BELOW_ZERO)
            if self.having.times_previous is not None and self.window is not None:
                over = DEFAULT_OVER if self.having.over is None else self.having.over
                if self.window.size * over > (self.window.slide or self.window.size) * _MOST_WINDOWS:
                    raise ValueError(_MANY_PANES)
        return self
