"""A goal: one windowed rule over the records, as the user writes it.

Everything here is data. A condition compares a field with literals, an aggregate names a field; nothing is ever
evaluated as code.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, WithJsonSchema, model_validator

from logpipeline.api.base import Duration, Model, Name
from logpipeline.api.source import Topic

FieldName = Annotated[str, Field(min_length=1, max_length=253)]
Text = Annotated[str | int, WithJsonSchema({"x-kubernetes-int-or-string": True})]
PresetName = Literal["client-rate", "host-errors", "country-success", "host-latency"]
_OPERATORS = ("equals", "in", "notIn", "prefix", "between", "greaterThan", "lessThan")


def _one_of(model: Model, names: tuple[str, ...]) -> list[str]:
    """Return those of the aliased fields `names` that the user gave."""
    given = model.model_dump(by_alias=True, exclude_unset=True, exclude_none=True)
    return [name for name in names if name in given]


class Condition(Model):
    """A test of one field. A record without the field does not pass it."""

    field: FieldName = Field(description="Our column, or the record's own name or dotted path.")
    equals: Text | None = Field(None, description="The field's text is this.")
    in_: list[Text] | None = Field(None, alias="in", min_length=1, description="The field's text is one of these.")
    not_in: list[Text] | None = Field(None, min_length=1, description="The field's text is none of these.")
    prefix: str | None = Field(None, min_length=1, description="The field's text starts with this.")
    between: Annotated[list[float], Field(min_length=2, max_length=2)] | None = Field(
        None, description="Lowest and highest number, both included."
    )
    greater_than: float | None = Field(None, description="The field's number is greater.")
    less_than: float | None = Field(None, description="The field's number is less.")

    @model_validator(mode="after")
    def _one_operator(self) -> Condition:
        given = _one_of(self, _OPERATORS)
        if len(given) != 1:
            raise ValueError(f"give exactly one of {', '.join(_OPERATORS)}, not {' and '.join(given) or 'none'}")
        if self.between is not None and self.between[0] > self.between[1]:
            raise ValueError(
                f"between: {self.between[0]:g} is greater than {self.between[1]:g}; write the lowest first"
            )
        return self


class Window(Model):
    """Windows [start, end) aligned to the epoch."""

    size: Duration = Field(description="Length of a window, whole seconds.")
    slide: Duration | None = Field(
        None, description="Distance of two window starts; absent: the size (tumbling windows)."
    )

    @model_validator(mode="after")
    def _aligned(self) -> Window:
        for name, value in (("size", self.size), ("slide", self.slide)):
            if value is not None and (value.total_seconds() < 1 or value.microseconds):
                raise ValueError(f"{name}: windows are whole seconds, at least 1s")
        slide = self.slide if self.slide is not None else self.size
        if slide > self.size:
            raise ValueError(
                "slide is larger than size, so records between two windows would be lost; make it at most size"
            )
        if self.size.total_seconds() % slide.total_seconds():
            raise ValueError("slide does not divide size; choose a slide that goes into size without rest")
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

    @model_validator(mode="after")
    def _exactly_one(self) -> Aggregate:
        given = _one_of(self, ("count", "sum", "avg", "min", "max", "p95"))
        if len(given) != 1:
            raise ValueError(f"give exactly one of count, sum, avg, min, max, p95, not {' and '.join(given) or 'none'}")
        return self


class Having(Model):
    """Which windows are results."""

    greater_than: float = Field(description="The aggregate is greater than this.")


class Goal(Model):
    """One rule, its own application and container, with its own result topic."""

    name: Name = Field(description="Unique in the pipeline; names the container, the checkpoint and the result topic.")
    preset: PresetName | None = Field(None, description="Fills in what is absent; an explicit field wins.")
    where: list[Condition] | None = Field(None, description="Conditions that all must hold; absent: every record.")
    group_by: list[FieldName] | None = Field(None, min_length=1, max_length=8, description="Fields of the group key.")
    window: Window | None = Field(None, description="Windows of event time.")
    aggregate: Aggregate | None = Field(None, description="What is computed; absent: count.")
    having: Having | None = Field(None, description="Absent: a metric, every window with a record is a result.")
    emit: Literal["early", "final"] | None = Field(
        None,
        description="early: when the threshold is passed (count only); final: when the window closes. "
        "Absent: early for a count with having, else final.",
    )
    topic: Topic = Field(default_factory=Topic, description="Results; <pipeline>.<goal>.")
    state_version: Annotated[int, Field(ge=1)] = Field(
        1, description="Raised: the goal leaves its state behind and counts anew from startFrom; never lowered."
    )
    start_from: Literal["earliest", "latest"] = Field(
        "earliest", description="Offset of the raw topic at which new state begins; running state is not touched."
    )

    @model_validator(mode="before")
    @classmethod
    def _fill_in_preset(cls, value: Any) -> Any:
        return {**PRESETS.get(value.get("preset"), {}), **value} if isinstance(value, dict) else value

    @model_validator(mode="after")
    def _is_a_rule(self) -> Goal:
        for name, given in (("groupBy", self.group_by), ("window", self.window)):
            if given is None:
                raise ValueError(f"{name} is missing; give it, or a preset ({', '.join(PRESETS)}) that has it")
        if self.group_by is not None and len(set(self.group_by)) != len(self.group_by):
            raise ValueError(f"groupBy names a field twice: {', '.join(self.group_by)}")
        if self.emit == "early":
            if self.having is None:
                raise ValueError(
                    "emit: early needs having: without a threshold nothing can be passed early; use emit: final"
                )
            if self.aggregate is not None and self.aggregate.count is None:
                raise ValueError(
                    "emit: early needs aggregate count, the only one that never falls again; use emit: final"
                )
        is_count = self.aggregate is None or self.aggregate.count is not None
        if is_count and self.having is not None and self.having.greater_than < 0:
            raise ValueError("having.greaterThan: a count is never below 0; use 0 or more, or leave having out")
        return self


# The four goals that the product ships, in the words of the resource itself.
PRESETS: dict[Any, dict[str, Any]] = {
    "client-rate": {
        "groupBy": ["client_ip"],
        "window": {"size": "20s", "slide": "1s"},
        "aggregate": {"count": {}},
        "having": {"greaterThan": 10},
    },
    "host-errors": {
        "where": [{"field": "status", "between": [400, 499]}],
        "groupBy": ["host"],
        "window": {"size": "30s", "slide": "1s"},
        "aggregate": {"count": {}},
        "having": {"greaterThan": 15},
    },
    "country-success": {
        "where": [{"field": "status", "between": [200, 299]}],
        "groupBy": ["country"],
        "window": {"size": "1m"},
        "aggregate": {"count": {}},
    },
    "host-latency": {
        "groupBy": ["host"],
        "window": {"size": "1m"},
        "aggregate": {"avg": {"field": "request_time"}},
    },
}
