"""One test of a record's field, as data."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from logpipeline.api.base import Model
from logpipeline.api.cel import CelRule, exactly_one, one_of_fault

FieldName = Annotated[str, Field(min_length=1, max_length=253)]
_INT_64 = range(-(2**63), 2**63)


def _int_or_string(value: Any) -> Any:
    match value:
        case bool():
            raise ValueError("is a boolean, as YAML reads y, n, yes, no, on, off, true and false; write it in quotes")
        case str():
            return value
        case int() if value in _INT_64:
            return value
        case _:
            raise ValueError("is neither text nor a whole number; write it in quotes")


Text = Annotated[str | int, BeforeValidator(_int_or_string), WithJsonSchema({"x-kubernetes-int-or-string": True})]
_DISORDERED = "between: the first number is greater than the second; write the lowest first"
_OPERATORS = ("equals", "in", "notIn", "prefix", "between", "greaterThan", "lessThan")


def given_of(model: Model, names: tuple[str, ...]) -> list[str]:
    """Return those of the aliased fields `names` that the user gave."""
    given = model.model_dump(by_alias=True, exclude_unset=True, exclude_none=True)
    return [name for name in names if name in given]


class Condition(Model):
    """A test of one field. A record without the field does not pass it."""

    field: FieldName = Field(description="Our column, or the record's own name or dotted path.")
    equals: Text | None = Field(None, description="The field's text is this.")
    in_: list[Text] | None = Field(
        None, alias="in", min_length=1, max_length=1000, description="The field's text is one of these."
    )
    not_in: list[Text] | None = Field(
        None, min_length=1, max_length=1000, description="The field's text is none of these."
    )
    prefix: Annotated[str, Field(max_length=1000)] | None = Field(
        None, min_length=1, description="The field's text starts with this."
    )
    between: Annotated[list[float], Field(min_length=2, max_length=2)] | None = Field(
        None, description="Lowest and highest number, both included."
    )
    greater_than: float | None = Field(None, description="The field's number is greater.")
    less_than: float | None = Field(None, description="The field's number is less.")

    cel: ClassVar = (
        exactly_one("operator", _OPERATORS),
        CelRule(
            "between-ordered",
            "!has(self.between) || self.between.size() != 2 || self.between[0] <= self.between[1]",
            _DISORDERED,
            field="between",
        ),
    )

    @model_validator(mode="after")
    def _one_operator(self) -> Condition:
        given = given_of(self, _OPERATORS)
        if len(given) != 1:
            raise ValueError(one_of_fault(_OPERATORS, given))
        if self.between is not None and self.between[0] > self.between[1]:
            raise ValueError(_DISORDERED)
        return self
