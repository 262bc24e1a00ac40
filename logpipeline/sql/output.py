"""Rows of a query → a table for people, or CSV, JSON lines or Parquet for programs. Any number of rows but for a table
takes constant memory.
"""

from __future__ import annotations

import io
import itertools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import orjson
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from rich.table import Table

from logpipeline.errors import LogPipelineError
from logpipeline.plain import plain_json, writing
from logpipeline.terminal import Terminal, styled

# A terminal keeps no more, and every cell of a table is held to align it.
MOST_ROWS = 1000


def write(rows: pa.RecordBatchReader, form: str, output: Path | None) -> None:
    """Write `rows` in one of `FORMATS` to a file, or to standard output; raises LogPipelineError where that cannot
    be.
    """
    if form == "table" and output is None:
        _table(rows, Terminal())
    elif form == "parquet" and output is None and sys.stdout.isatty():
        raise LogPipelineError("--format parquet: is not for a terminal; name a file with --output")
    else:
        with _stream(output) as stream:
            FORMATS[form](rows, stream)


@contextmanager
def _stream(output: Path | None) -> Iterator[BinaryIO]:
    if output is None:
        with writing(sys.stdout):
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()
        return
    try:
        with output.open("wb") as file:
            yield file
    except OSError as error:
        raise LogPipelineError(f"--output: {output} cannot be written: {error.strerror or error}") from error


def _table(rows: pa.RecordBatchReader, terminal: Terminal) -> None:
    numbers = [pa.types.is_integer(one.type) or pa.types.is_floating(one.type) for one in rows.schema]
    table = Table()
    for field, is_number in zip(rows.schema, numbers, strict=True):
        table.add_column(styled(field.name), justify="right" if is_number else "left", overflow="fold")
    found = (row for batch in rows for row in _cells(batch))
    for row in itertools.islice(found, MOST_ROWS):
        table.add_row(*row)
    terminal.print(table)
    if table.row_count == MOST_ROWS and next(found, None) is not None:
        terminal.print(f"only the first {MOST_ROWS} rows are shown; add a LIMIT, or write all with --format csv")
    else:
        terminal.print(f"{table.row_count} row{'' if table.row_count == 1 else 's'}")


def _cells(batch: pa.RecordBatch) -> Iterator[list[Any]]:
    return ([styled(_shown(value)) for value in row.values()] for row in batch.to_pylist())


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        pairs = all(isinstance(one, tuple) for one in value)
        return ", ".join(f"{key}: {given}" for key, given in value) if pairs else ", ".join(map(_shown, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _as_table(rows: pa.RecordBatchReader, stream: BinaryIO) -> None:
    text = io.TextIOWrapper(stream, encoding="utf-8", write_through=True)
    _table(rows, Terminal(file=text))
    text.detach()


def _as_csv(rows: pa.RecordBatchReader, stream: BinaryIO) -> None:
    flat = pa.schema([(field.name, _csv_type(field.type)) for field in rows.schema])
    options = pa.csv.WriteOptions(quoting_style="needed")
    with pa.csv.CSVWriter(stream, flat, write_options=options) as writer:
        for batch in rows:
            columns = [_flat(batch.column(index), field.type) for index, field in enumerate(flat)]
            writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=flat))


def _csv_type(column: pa.DataType) -> pa.DataType:
    plain_column = pa.types.is_primitive(column) or pa.types.is_decimal(column)
    return column if plain_column and not pa.types.is_timestamp(column) else pa.string()


def _flat(column: pa.Array, wanted: pa.DataType) -> pa.Array:
    if column.type == wanted:
        return column
    return pa.array([None if value is None else _text(value) for value in column.to_pylist()], pa.string())


def _text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(_plain(value), default=_other).decode().strip('"')


def _as_json(rows: pa.RecordBatchReader, stream: BinaryIO) -> None:
    for batch in rows:
        for row in batch.to_pylist():
            document = orjson.dumps({name: _plain(value) for name, value in row.items()}, default=_other)
            stream.write(plain_json(document) + b"\n")


def _as_parquet(rows: pa.RecordBatchReader, stream: BinaryIO) -> None:
    with pa.parquet.ParquetWriter(stream, rows.schema, compression="zstd") as writer:
        for batch in rows:
            writer.write_batch(batch)


def _plain(value: Any) -> Any:
    """Return maps as objects: Arrow gives them as lists of pairs."""
    if isinstance(value, list) and value and all(isinstance(one, tuple) for one in value):
        return {str(key): _plain(given) for key, given in value}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return {name: _plain(given) for name, given in value.items()} if isinstance(value, dict) else value


def _other(value: Any) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)


FORMATS: dict[str, Callable[[pa.RecordBatchReader, BinaryIO], None]] = {
    "table": _as_table,
    "csv": _as_csv,
    "json": _as_json,
    "parquet": _as_parquet,
}
