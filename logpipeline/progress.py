"""What a goal's process says of itself at `/progress`: the application writes it, both runtimes read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True)
class GoalProgress:
    """One goal's own words; None is unknown and never means 0. Totals count from the start of its process.

    `rule` is the identity of the rule that counts; `offsets` is up to where it has processed each partition of the raw
    topic, `offset_total` their sum; moments are ISO 8601 (UTC); ages are in seconds.
    """

    goal: str
    state: str
    rule: Mapping[str, Any] | None = None
    checkpoint: str | None = None
    checkpoint_failed: bool | None = None
    state_version: int | None = None
    batch: int | None = None
    last_batch_time: str | None = None
    batch_age_seconds: float | None = None
    batch_duration_seconds: float | None = None
    input_records_per_second: float | None = None
    records_total: int | None = None
    lag_records: int | None = None
    offsets: Mapping[str, int] | None = None
    offset_total: int | None = None
    lag_seconds: float | None = None
    watermark: str | None = None
    late_total: int | None = None
    invalid_total: int | None = None
    incomplete_total: int | None = None
    shortened_total: int | None = None
    dropped_total: int | None = None
    results_total: int | None = None
    state_rows: int | None = None
    state_bytes: int | None = None
    restarts: int | None = None
    error: str | None = None

    def behind(self, produced: int) -> int | None:
        """Return how many of the `produced` records of the raw topic it has not processed, None when unknown."""
        return _behind(self, produced)


@dataclass(frozen=True)
class TableProgress:
    """A table of the lake in its writer's own words; as `GoalProgress`. `files` and `bytes` are what the table is made
    of.
    """

    table: str
    state: str
    checkpoint: str | None = None
    checkpoint_failed: bool | None = None
    batch: int | None = None
    last_batch_time: str | None = None
    batch_age_seconds: float | None = None
    batch_duration_seconds: float | None = None
    input_records_per_second: float | None = None
    lag_records: int | None = None
    offsets: Mapping[str, int] | None = None
    offset_total: int | None = None
    files: int | None = None
    bytes: int | None = None
    restarts: int | None = None
    error: str | None = None

    def behind(self, produced: int) -> int | None:
        """Return how many of the `produced` records of the raw topic the table of them lacks, None when unknown."""
        return _behind(self, produced)


def _behind(query: GoalProgress | TableProgress, produced: int) -> int | None:
    # Before its first batch a query knows no offset, and that there is nothing to read is all there is to know.
    return query.lag_records if query.offset_total is None else max(0, produced - query.offset_total)


def read_progress(document: Mapping[str, Any]) -> list[GoalProgress]:
    """Return what a /progress document says, a goal each; fields that we do not know are left out.

    Raises KeyError and TypeError for a document of another kind.
    """
    known = {field.name for field in fields(GoalProgress)}
    return [GoalProgress(**{key: value for key, value in goal.items() if key in known}) for goal in document["goals"]]


def read_tables(document: Mapping[str, Any]) -> list[TableProgress]:
    """Return what a /progress document of a lake's writer says; as `read_progress`."""
    known = {field.name for field in fields(TableProgress)}
    return [TableProgress(**{key: value for key, value in one.items() if key in known}) for one in document["tables"]]
