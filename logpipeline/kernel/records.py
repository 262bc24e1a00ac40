"""Raw records → typed columns, each record valid or invalid with a reason.

Validity does not depend on any goal: every goal of a pipeline counts the same records as invalid.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl
import pyarrow as pa

from logpipeline.api.condition import Condition
from logpipeline.api.source import TEXT_COLUMNS, Source
from logpipeline.kernel.json_lines import JsonLines, Role
from logpipeline.kernel.text_lines import REQUEST_PARTS, read_text, request_parts
from logpipeline.kernel.times import clf_seconds, iso_seconds, line_seconds
from logpipeline.rules import Rule

# A result names its window as a date, so event time must have one: years 1 to 9999.
_FIRST_SECOND = int(datetime(1, 1, 1, tzinfo=UTC).timestamp())
_LAST_SECOND = int(datetime(9999, 12, 31, tzinfo=UTC).timestamp())


@dataclass(frozen=True)
class Needed:
    """The fields that some rules need, by role."""

    text: frozenset[str]
    number: frozenset[str]


def needed(rules: Iterable[Rule]) -> Needed:
    """Return the fields that `rules` group by, test or aggregate."""
    text: set[str] = set()
    number: set[str] = set()
    for rule in rules:
        text.update(rule.group_by)
        if rule.field is not None:
            number.add(rule.field)
        for condition in rule.where:
            (number if is_numeric(condition) else text).add(condition.field)
    return Needed(frozenset(text), frozenset(number))


def is_numeric(condition: Condition) -> bool:
    """Whether a condition compares numbers (the others compare text)."""
    return condition.between is not None or condition.greater_than is not None or condition.less_than is not None


class RecordReader:
    """Reads batches of raw records of one source, and of each record the fields that are needed."""

    def __init__(self, source: Source, fields: Needed) -> None:
        self._source = source
        self._needed = fields
        self._json = JsonLines(self._paths()) if source.format == "json" else None

    def read(self, values: pa.Array, arrival_ms: pa.Array) -> pl.DataFrame:
        """Return a row a record, in order.

        `values` are the raw bytes, `arrival_ms` the Kafka timestamps in epoch milliseconds. Columns: `second` and
        `event_ms` (event time, epoch, rounded down; null when invalid), `invalid` (the reason, null when valid),
        `text:<field>` and `number:<field>` for what is needed.
        """
        raw = read_text(values, self._source.format) if self._json is None else self._json.read(values)
        status = f"text:{self._path('status')}"
        frame = raw.with_columns(
            pl.Series("arrival_ms", arrival_ms),
            seconds=self._seconds(),
            status=pl.col(status).cast(pl.Int64, strict=False),
            status_text=pl.col(status),
        )
        if self._json is not None and "request" in self._source.fields:
            request = pl.col(f"text:{self._source.fields['request']}")
            frame = frame.with_columns(request_parts(request).alias("request"))
        skew = self._source.max_future_skew.total_seconds()
        too_early = f"{self._time_name()}: more than {skew:g} s ahead of the Kafka timestamp (source.maxFutureSkew)"
        ahead = pl.col("seconds") - pl.col("arrival_ms") / 1000
        invalid = (
            pl.when(pl.col("fault").is_not_null()).then(pl.col("fault"))
            .when(pl.col("seconds").is_null() | pl.col("seconds").is_nan() | pl.col("seconds").is_infinite())
            .then(pl.lit(f"{self._time_name()}: no finite timestamp"))
            .when(~pl.col("seconds").is_between(_FIRST_SECOND, _LAST_SECOND))
            .then(pl.lit(f"{self._time_name()}: not within the years 1 to 9999"))
            .when(ahead > skew)
            .then(pl.lit(too_early))
            .when(pl.col("status").is_null() & pl.col("status_text").is_not_null())
            .then(pl.lit("status: not an integer"))
        )  # fmt: skip
        valid = pl.col("invalid").is_null()
        return frame.with_columns(invalid=invalid).select(
            "invalid",
            second=pl.when(valid).then(pl.col("seconds").floor()).cast(pl.Int64),
            event_ms=pl.when(valid).then((pl.col("seconds") * 1000).floor()).cast(pl.Int64),
            **{f"text:{field}": self._text(field) for field in sorted(self._needed.text)},
            **{f"number:{field}": self._number(field) for field in sorted(self._needed.number)},
        )

    def _path(self, field: str) -> str:
        return self._source.fields.get(field, field)

    def _from_request(self, field: str) -> bool:
        fields = self._source.fields
        return field in REQUEST_PARTS and "request" in fields and field not in fields

    def _paths(self) -> dict[str, set[Role]]:
        time = self._source.timestamp
        paths: dict[str, set[Role]] = {time.field: {"number" if time.format.startswith("epoch") else "text"}}
        for role, fields in (("text", self._needed.text | {"status"}), ("number", self._needed.number - {"status"})):
            for field in fields:
                paths.setdefault(self._path(field), set()).add(role)  # type: ignore[arg-type]
        if "request" in self._source.fields:
            paths.setdefault(self._source.fields["request"], set()).add("text")
        return paths

    def _time_name(self) -> str:
        return self._source.timestamp.field if self._json is not None else "time"

    def _seconds(self) -> pl.Expr:
        """Return event time as epoch seconds with fraction; null where it cannot be read."""
        if self._json is None:
            return line_seconds(pl.col("text:time"))
        time = self._source.timestamp
        match time.format:
            case "epoch":
                return pl.col(f"number:{time.field}")
            case "epoch_millis":
                return pl.col(f"number:{time.field}") / 1000
            case "clf":
                return clf_seconds(pl.col(f"text:{time.field}"))
            case "iso8601":
                return iso_seconds(pl.col(f"text:{time.field}"))

    def _text(self, field: str) -> pl.Expr:
        if field == "status":
            return pl.col("status").cast(pl.String)
        own = pl.col(f"text:{self._path(field)}") if self._has(field) else pl.lit(None, pl.String)
        return pl.coalesce(own, pl.col("request").struct.field(field)) if self._from_request(field) else own

    def _number(self, field: str) -> pl.Expr:
        if field == "status":
            return pl.col("status").cast(pl.Float64)
        if self._json is not None:
            return pl.col(f"number:{self._path(field)}")
        return (pl.col(f"text:{field}") if self._has(field) else pl.lit(None, pl.String)).cast(pl.Float64, strict=False)

    def _has(self, field: str) -> bool:
        """Whether the format can carry the field at all; a text format has the columns it has."""
        return self._json is not None or field in TEXT_COLUMNS[self._source.format]
