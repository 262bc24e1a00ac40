"""What every model of the resource shares: strict fields in camelCase and the scalar types of Kubernetes."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema
from pydantic.alias_generators import to_camel

_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(\d+)(ms|[smhd])")
DURATION_PATTERN = r"^([0-9]+(ms|[smhd]))+$"


class Model(BaseModel):
    """A part of the resource. Unknown fields are errors, values never change after reading."""

    # See `written`.
    model_config = ConfigDict(
        validate_default=True,
        extra="forbid",
        frozen=True,
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
    )


def parse_duration(value: Any) -> Any:
    """Return the timedelta that text such as `90s`, `1h30m` or `500ms` means; raises ValueError for any other text."""
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str) or not re.fullmatch(DURATION_PATTERN, value):
        raise ValueError("is not a duration; write a number and a unit (ms, s, m, h, d), for example 30s or 1h30m")
    return timedelta(seconds=sum(int(number) * _UNITS[unit] for number, unit in _DURATION.findall(value)))


def format_duration(value: timedelta) -> str:
    """Return the shortest text that `parse_duration` reads back as the same duration."""
    rest = round(value.total_seconds() * 1000)
    text = ""
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, rest = divmod(rest, size)
        text += f"{count}{unit}" if count else ""
    return text or "0s"


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration),
    WithJsonSchema({"type": "string", "pattern": DURATION_PATTERN}),
]


def written(default: str) -> Any:
    """Return a default in the words of the resource; validation makes the value of it, and the CRD shows the words."""
    return default


# RFC 1123 label, as Kubernetes wants it of names: 52 leaves room for the suffixes that generated objects add.
Name = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", max_length=52)]
TopicName = Annotated[str, Field(pattern=r"^[a-zA-Z0-9._-]+$", max_length=249)]
Quantity = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)?(Ki|Mi|Gi|Ti|k|M|G|T)?$")]
Cpu = Annotated[str, Field(pattern=r"^([0-9]+m|[0-9]+(\.[0-9]+)?)$", max_length=20)]
ImageName = Annotated[str, Field(pattern=r"^[^\s]+$", max_length=500)]
Port = Annotated[int, Field(ge=1, le=65535)]


class SecretReference(Model):
    """A Secret by name; its values never stand in the resource."""

    name: Name = Field(description="Name of the Secret, in the namespace of the resource.")
