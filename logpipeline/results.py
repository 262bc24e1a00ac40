"""A message of a result topic, or a line of a backtest's results, read back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import orjson


class MalformedResultError(Exception):
    """A message of a result topic that is no result of its goal."""


@dataclass(frozen=True)
class WindowResult:
    """The window [start, end) of a key, in epoch seconds, its value and number of records; `key` holds the values of
    groupBy.
    """

    key: tuple[str, ...]
    start: int
    end: int
    value: float
    count: int


class ResultForm(Protocol):
    """What tells of the form of a goal's results: a rule, for one."""

    @property
    def name(self) -> str:
        """The goal."""

    @property
    def group_by(self) -> Sequence[str]:
        """The fields of the key."""

    @property
    def value_name(self) -> str:
        """The name of the value."""


def read_result(rule: ResultForm, message: bytes | None) -> WindowResult:
    """Return the result that a message of a goal holds; raises MalformedResultError, saying what is wrong, for any
    other message.
    """
    try:
        result = orjson.loads(message or b"")
        if not isinstance(result, Mapping) or result.get("goal") != rule.name:
            raise MalformedResultError(f"is no result of {rule.name}")
        return WindowResult(
            key=tuple(str(result[field]) for field in rule.group_by),
            start=_moment(result["window_start"]),
            end=_moment(result["window_end"]),
            value=float(result[rule.value_name]),
            count=int(result["count"]),
        )
    except orjson.JSONDecodeError as error:
        raise MalformedResultError(f"is not JSON: {error}") from error
    except KeyError as error:
        raise MalformedResultError(f"has no {error.args[0]}") from error
    except (TypeError, ValueError) as error:
        raise MalformedResultError(str(error)) from error


def _moment(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())
