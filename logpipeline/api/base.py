"""What every model of the resource shares: strict fields in camelCase and the scalar types of Kubernetes."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any, ClassVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainSerializer,
    WithJsonSchema,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import CoreSchema, core_schema

from logpipeline.api.cel import DURATION_PATTERN, VALIDATIONS, CelRule, add_rules, are_durations, text, text_is

_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(\d+)(ms|[smhd])")
_DURATION_FAULT = (
    "is not a duration; write a number and a unit (d, h, m, s, ms), the largest first, for example 30s or 1h30m"
)


class Model(BaseModel):
    """A part of the resource. Unknown fields are errors, values never change after reading.

    Types are as strict as the API server's: text is no number, a number no boolean; null is as if it were not there.
    """

    # See `written`.
    model_config = ConfigDict(
        validate_default=True,
        extra="forbid",
        frozen=True,
        strict=True,
        allow_inf_nan=False,
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
    )

    # What the API server checks; a subclass adds to it.
    cel: ClassVar[tuple[CelRule, ...]] = ()

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, value: Any) -> Any:
        """A field that is null is pruned by the API server, and its default filled in."""
        if not isinstance(value, dict):
            return value
        known = {name for pair in cls.model_fields.items() for name in (pair[0], pair[1].alias)}
        return {name: given for name, given in value.items() if given is not None or name not in known}

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        reference = handler(schema)
        rules = [rule for base in reversed(cls.__mro__) for rule in vars(base).get("cel", ())]
        add_rules(handler.resolve_ref_schema(reference), rules)
        return reference


def part(model: type[Model], description: str) -> Any:
    """Return the field of a part that is there even when it is not given: the API server fills its defaults in, so that
    the rules of a change find an old value to compare with.
    """
    return Field(default_factory=model, description=description, json_schema_extra={"default": {}})


def map_by(key: str) -> Any:
    """Return what makes a list one of items that are told apart by the field `key`: unique, and merged item by item."""
    return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [key]}


class Matching:
    """Text of a form, checked with the same words by the model and by the API server; `fault` begins with `is`."""

    def __init__(self, name: str, pattern: str, fault: str) -> None:
        self._rule = text_is(name, f"self.matches({text(pattern)})", fault)
        # Of the letters in a class such as \s the API server's expressions know ASCII alone.
        self._pattern = re.compile(pattern, re.ASCII)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        found = handler(schema)
        add_rules(found, [self._rule])
        return found

    def _check(self, value: str) -> str:
        if not self._pattern.fullmatch(value):
            raise ValueError(self._rule.message)
        return value


class KeysMatching(Matching):
    """A mapping whose keys are of a form."""

    def __init__(self, name: str, pattern: str, fault: str) -> None:
        super().__init__(name, pattern, fault)
        good = f"key.matches({text(pattern)})"
        self._rule = CelRule(
            name,
            f"self.all(key, {good})",
            f"a key {fault}",
        )
        self._fault = fault

    def _check(self, value: Any) -> Any:
        if bad := [key for key in value if not self._pattern.fullmatch(key)]:
            raise ValueError(f"a key {self._fault} (given: {' '.join(bad)})")
        return value


def parse_duration(value: Any) -> Any:
    """Return the timedelta that text such as `90s`, `1h30m` or `500ms` means; raises ValueError for any other text."""
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str) or not value or not re.fullmatch(DURATION_PATTERN, value):
        raise ValueError(_DURATION_FAULT)
    return timedelta(seconds=sum(int(number) * _UNITS[unit] for number, unit in _DURATION.findall(value)))


def format_duration(value: timedelta) -> str:
    """Return the shortest text that `parse_duration` reads back as the same duration."""
    rest = round(value.total_seconds() * 1000)
    found = ""
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, rest = divmod(rest, size)
        found += f"{count}{unit}" if count else ""
    return found or "0s"


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration),
    WithJsonSchema(
        {
            "type": "string",
            "maxLength": 42,
            VALIDATIONS: [text_is("duration", are_durations("self"), _DURATION_FAULT).schema()],
        }
    ),
]


def _not_boolean(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("is a boolean, not a whole number; write the number")  # noqa: TRY004 - what Pydantic takes for a fault
    return value


# Beside a Literal of numbers: to Python True is 1.
NOT_BOOLEAN = BeforeValidator(_not_boolean)


def _without_nulls(value: Any) -> Any:
    return {key: given for key, given in value.items() if given is not None} if isinstance(value, dict) else value


# Last beside a map: the API server prunes what is null there as it does in the fields of a model.
PRUNED = BeforeValidator(_without_nulls)


def written(default: str) -> Any:
    """Return a default in the words of the resource; validation makes the value of it, and the CRD shows the words."""
    return default


_LABEL = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
_LABEL_FAULT = "is not a DNS label; use small letters, digits and hyphens, the first and last no hyphen"
# 52 leaves room for the suffixes that generated objects add.
Name = Annotated[str, Field(max_length=52), Matching("name", _LABEL, _LABEL_FAULT)]
ObjectName = Annotated[
    str,
    Field(max_length=253),
    Matching(
        "object-name",
        r"^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$",
        "is not the name of a Kubernetes object; use small letters, digits, hyphens and dots",
    ),
]
TopicName = Annotated[
    str,
    Field(max_length=249),
    Matching(
        "topic-name",
        r"^\.{0,2}[a-zA-Z0-9_-][a-zA-Z0-9._-]*$",
        "is not a topic's name; use letters, digits, dots, underscores and hyphens",
    ),
]
Quantity = Annotated[
    str,
    Field(max_length=20),
    Matching(
        "quantity",
        r"^[0-9]+(\.[0-9]+)?(Ki|Mi|Gi|Ti|k|M|G|T)?$",
        "is not an amount of bytes; write a number and Ki, Mi, Gi or Ti, for example 10Gi",
    ),
]
_CPU = r"^([0-9]{1,6}m|[0-9]{1,6}(\.[0-9]{1,3})?)$"
_CPU_FAULT = "is not an amount of CPU; write for example 500m or 2"
# As in a pod, a number may stand for the text.
Cpu = Annotated[
    str,
    BeforeValidator(lambda value: str(value) if type(value) is int else value),
    Matching("cpu", _CPU, _CPU_FAULT),
    # No rule of CEL: to the API server what may be a number has text without an end, and of such rules, one for each
    # amount of CPU, a schema may have only so many.
    WithJsonSchema({"x-kubernetes-int-or-string": True, "pattern": _CPU, "minimum": 0, "maximum": 999_999}),
]
ImageName = Annotated[
    str, Field(max_length=500), Matching("image", r"^[^\s]+$", "is not an image; write its name without blanks")
]
Port = Annotated[int, Field(ge=1, le=65535)]
# Names and values reach files of properties as they are.
Settings = Annotated[
    dict[str, Annotated[str, Field(max_length=4096)]],
    Field(max_length=200),
    KeysMatching(
        "settings",
        r"^[A-Za-z0-9._-]{1,253}$",
        "is not the name of a setting; use letters, digits, dots, underscores and hyphens",
    ),
    PRUNED,
]


class SecretReference(Model):
    """A Secret by name; its values never stand in the resource."""

    name: ObjectName = Field(description="Name of the Secret, in the namespace of the resource.")
