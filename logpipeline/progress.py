"""What a goal's process says of itself at `/progress`: the application writes it, both runtimes read it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar


@dataclass(frozen=True, kw_only=True)
class QueryProgress:
    """What every streaming query reports. None is unknown and never means 0.

    `offsets` is up to where it has processed each partition, `offset_total` their sum; moments are ISO 8601 (UTC); ages
    are in seconds.
    """

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
    restarts: int | None = None
    error: str | None = None

    def behind(self, produced: int) -> int | None:
        """Return how many of the `produced` records of the raw topic it has not processed, None when unknown."""
        # Before its first batch a query knows no offset, and that there is nothing to read is all there is to know.
        return self.lag_records if self.offset_total is None else max(0, produced - self.offset_total)


@dataclass(frozen=True)
class GoalProgress(QueryProgress):
    """One goal's own words. Totals count from the start of its process; `rule` is the identity of the rule that
    counts.
    """

    goal: str
    state: str
    rule: Mapping[str, Any] | None = None
    state_version: int | None = None
    records_total: int | None = None
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


@dataclass(frozen=True)
class TableProgress(QueryProgress):
    """A table of the lake in its writer's own words; `files` and `bytes` are what the table is made of."""

    table: str
    state: str
    files: int | None = None
    bytes: int | None = None


def read_progress(document: Mapping[str, Any]) -> list[GoalProgress]:
    """Return what a /progress document says, a goal each; fields that we do not know are left out.

    Raises KeyError and TypeError for a document of another kind.
    """
    return _read(GoalProgress, document["goals"])


def read_tables(document: Mapping[str, Any]) -> list[TableProgress]:
    """Return what a /progress document of a lake's writer says, a table each; as `read_progress`."""
    return _read(TableProgress, document["tables"])


_Kind = TypeVar("_Kind", bound=QueryProgress)


def _read(kind: type[_Kind], queries: Iterable[Mapping[str, Any]]) -> list[_Kind]:
    known = {field.name for field in fields(kind)}
    return [kind(**{key: value for key, value in query.items() if key in known}) for query in queries]
