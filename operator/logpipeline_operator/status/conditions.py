"""From facts to the conditions of a pipeline: pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from logpipeline.api import LogPipeline
from logpipeline_operator.observe.facts import Facts


def status_of(
    pipeline: LogPipeline,
    facts: Facts,
    *,
    now: datetime,
    previous: Mapping[str, Any] | None = None,
    refusals: Sequence[str] = (),
    failures: Sequence[str] = (),
) -> dict[str, Any]:
    """Return the whole status of `pipeline`, the accepted one.

    `refusals` say which changes are not made and the ways out, `failures` which objects the API server refused;
    `previous` is the status so far, `observedGeneration` is the pipeline's generation.
    """
    raise NotImplementedError


def status_of_invalid(
    faults: Sequence[str], generation: int, *, now: datetime, previous: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the status of a resource that cannot be read: what runs goes on, and what is wrong with it is said."""
    raise NotImplementedError


def numbers_only(old: Mapping[str, Any] | None, new: Mapping[str, Any]) -> bool:
    """Tell whether two statuses differ in nothing but live numbers, which can be written less often."""
    raise NotImplementedError
