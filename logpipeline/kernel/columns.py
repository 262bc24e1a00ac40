"""Raw records → rows of the lake's `raw` table: every record with all its columns, the invalid ones with their reason.

The goals' own reader reads them, so that a query over the lake counts the records that a goal counts.
"""

from __future__ import annotations

import polars as pl
import pyarrow as pa

from logpipeline.api.source import COLUMNS, Source
from logpipeline.kernel.lenient import texts
from logpipeline.kernel.records import Needed, RecordReader

# What `status` is of a record that is not valid, so that a count by status covers every record.
INVALID_STATUS = 999
# No field of a record has this name.
_ROW = "\0row"
_NUMBERS = ("bytes", "request_time")
_TYPES: dict[str, pa.DataType] = {"status": pa.int32(), "bytes": pa.int64(), "request_time": pa.float64()}
_MOMENT = pa.timestamp("us", "UTC")

# `date` and `hour` (UTC) are of the event, of Kafka's timestamp for a record without one; `fields` are those that goals
# use and that are no columns; `line_bytes` is there where `line` had to replace what is not UTF-8.
SCHEMA = pa.schema(
    [
        ("event_time", _MOMENT),
        *((column, _TYPES.get(column, pa.string())) for column in COLUMNS),
        ("fields", pa.map_(pa.string(), pa.string())),
        ("invalid", pa.string()),
        ("line", pa.string()),
        ("line_bytes", pa.binary()),
        ("topic", pa.string()),
        ("partition", pa.int32()),
        ("offset", pa.int64()),
        ("kafka_time", _MOMENT),
        ("date", pa.date32()),
        ("hour", pa.int32()),
    ]
)


class RowReader:
    """Reads batches of raw records of one source into rows of `SCHEMA`; `fields` are those that `fields` of the
    rows shall hold.
    """

    def __init__(self, source: Source, fields: tuple[str, ...]) -> None:
        self._fields = fields
        text = frozenset({*COLUMNS, *fields}.difference(_NUMBERS))
        self._reader = RecordReader(source, Needed(text, frozenset(_NUMBERS)))

    def read(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return a row a record, in order. `batch` has `value` (binary), `topic`, `partition`, `offset` and
        `arrival_ms` (Kafka's timestamp, epoch milliseconds).
        """
        values = batch.column("value")
        records = self._records(values, batch.column("arrival_ms"))
        rows = _columns(records).to_arrow()
        lines = texts(values)
        columns = {name: rows.column(name).combine_chunks() for name in rows.column_names}
        columns |= {name: batch.column(name) for name in ("topic", "partition", "offset")}
        columns |= {"line": lines, "line_bytes": _not_text(values, lines), "fields": self._maps(records)}
        return pa.RecordBatch.from_arrays([columns[one.name].cast(one.type) for one in SCHEMA], schema=SCHEMA)

    def columns(self, values: pa.Array, arrival_ms: pa.Array) -> pl.DataFrame:
        """Return the same rows without their lines, fields and places on Kafka, which takes less time."""
        return _columns(self._records(values, arrival_ms))

    def _records(self, values: pa.Array, arrival_ms: pa.Array) -> pl.DataFrame:
        return self._reader.read(values, arrival_ms).with_columns(pl.Series("arrival_ms", arrival_ms))

    def _maps(self, records: pl.DataFrame) -> pa.Array:
        """Return the fields that each record has: columns of pairs, for a loop over records costs more than reading
        them.
        """
        values = records.with_row_index(_ROW).select(
            _ROW, *(pl.col(f"text:{field}").alias(field) for field in self._fields)
        )
        pairs = values.unpivot(index=_ROW).drop_nulls("value").sort(_ROW, "variable")
        counts = pairs.group_by(_ROW).len().join(values.select(_ROW), on=_ROW, how="right").sort(_ROW)
        ends = counts["len"].fill_null(0).cum_sum().cast(pl.Int32)
        offsets = pl.concat([pl.Series([0], dtype=pl.Int32), ends]).to_arrow()
        names, texts_ = (pairs[name].cast(pl.String).to_arrow().cast(pa.string()) for name in ("variable", "value"))
        return pa.MapArray.from_arrays(offsets, names, texts_)


def _columns(records: pl.DataFrame) -> pl.DataFrame:
    event_time = pl.from_epoch("event_ms", "ms").dt.replace_time_zone("UTC")
    kafka_time = pl.from_epoch("arrival_ms", "ms").dt.replace_time_zone("UTC")
    placed = pl.coalesce(event_time, kafka_time)
    status = pl.col("text:status").cast(pl.Int32, strict=False)
    return records.select(
        event_time=event_time.dt.cast_time_unit("us"),
        kafka_time=kafka_time.dt.cast_time_unit("us"),
        date=placed.dt.date(),
        hour=placed.dt.hour().cast(pl.Int32),
        status=pl.when(pl.col("invalid").is_null()).then(status).otherwise(INVALID_STATUS),
        bytes=pl.col("number:bytes").cast(pl.Int64, strict=False),
        request_time=pl.col("number:request_time"),
        invalid=pl.col("invalid"),
        **{column: pl.col(f"text:{column}") for column in COLUMNS if column not in _TYPES},
    )


def _not_text(values: pa.Array, lines: pa.Array) -> pa.Array:
    """Return the `values` that are not UTF-8, null for all others."""
    same = pl.Series(lines).cast(pl.Binary).eq_missing(pl.Series(values))
    if same.all():
        return pa.nulls(len(values), pa.binary())
    return pl.Series(values).set(same, None).to_arrow().cast(pa.binary())
