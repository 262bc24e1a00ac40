"""The tables of a lake in DuckDB, read only and without a JVM: delta-rs lists the files that count, DuckDB reads them.

Whoever writes the SQL reads the lake's tables and nothing else: no file, no network, no setting.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import duckdb
import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError, TableNotFoundError

from logpipeline.errors import LogPipelineError
from logpipeline.lake.names import PARTITIONS, TableName, folder
from logpipeline.lake.tables import SCHEMAS
from logpipeline.store import delta_rs_options

# What goals find that group by the status and nothing else; the column `goal` says which, where there are several.
_STATUSES = """
CREATE VIEW statuses AS
SELECT try_cast(key['status'] AS INTEGER) AS code, count, epoch_ms(window_end) AS window_end_ms, goal, date
FROM results WHERE map_keys(key) = ['status']
"""
_EXPLAIN = re.compile(r"\s*explain(\s+analyze)?\s", re.IGNORECASE)
_GLOB = re.compile(r"([*?\[])")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_LONGEST_CAUSE = 240
_TYPES = duckdb.StatementType


@dataclass(frozen=True)
class Limits:
    """What a connection may take: bytes of memory, threads."""

    memory: int = 1 << 30
    threads: int = 2


class QueryError(LogPipelineError):
    """A query that is refused or has failed."""


def open_lake(uri: str, limits: Limits, secret: Mapping[str, str] | None = None) -> duckdb.DuckDBPyConnection:
    """Return a connection with a view for each table of the lake at `uri`, as it is now, and the view `statuses` of
    its counts by status; `secret` are the entries of the Secret of its store.

    Raises LogPipelineError when there is no lake or it cannot be read.
    """
    connection = duckdb.connect(
        config={
            "threads": limits.threads,
            "memory_limit": f"{limits.memory // (1 << 20)}MiB",
            "python_enable_replacements": "false",
        }
    )
    connection.execute("SET TimeZone = 'UTC'")
    paths: list[str] = []
    for name in SCHEMAS:
        paths += _view(connection, uri, name, delta_rs_options(secret or {}))
    connection.execute(_STATUSES)
    connection.execute("SET temp_directory = ''")
    connection.execute("SET allowed_paths = $paths", {"paths": paths})
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection


@contextmanager
def run(
    connection: duckdb.DuckDBPyConnection, query: str, seconds: float | None, values: Mapping[str, Any] | None = None
) -> Iterator[duckdb.DuckDBPyRelation]:
    """Run one query that only reads, with its parameters' `values`, and give what its rows are taken from, all within
    so many seconds, or None for as long as it takes; raises QueryError.
    """
    deadline = None if seconds is None else threading.Timer(seconds, connection.interrupt)
    if deadline is not None:
        deadline.start()
    try:
        statements = duckdb.extract_statements(_EXPLAIN.sub("", query, count=1))
        if [statement.type for statement in statements] != [_TYPES.SELECT]:
            raise QueryError("a query reads: write one SELECT, FROM, WITH, DESCRIBE, SUMMARIZE, SHOW or EXPLAIN")
        yield connection.sql(query, params=dict(values) if values else None)
    except duckdb.InterruptException as error:
        raise QueryError("the query took too long and was stopped; ask for less, or allow more time") from error
    except duckdb.OutOfMemoryException as error:
        raise QueryError("the query takes more memory than it may; ask for less, or allow more") from error
    except duckdb.Error as error:
        raise QueryError(str(error).partition("\n\nLINE")[0].strip()) from error
    finally:
        if deadline is not None:
            deadline.cancel()
            # A thread that the interpreter's end finds at work takes the process down.
            deadline.join()


def delta_table(uri: str, name: TableName, options: Mapping[str, str]) -> DeltaTable:
    """Return a table of the lake at `uri` as it is now; raises LogPipelineError when there is none or it cannot be
    read. `options` are delta-rs's.
    """
    where = folder(uri, name)
    try:
        return DeltaTable(location(where), storage_options=dict(options))
    except TableNotFoundError as error:
        raise LogPipelineError(f"{where}: there is no table; its writer makes it when it starts") from error
    except (DeltaError, OSError) as error:
        raise LogPipelineError(f"{where}: cannot be read: {cause(error)}") from error


def _view(connection: duckdb.DuckDBPyConnection, uri: str, name: TableName, options: Mapping[str, str]) -> list[str]:
    """Make the view of a table and return the files of this machine that it reads, and the patterns that they are
    matched by.
    """
    where = folder(uri, name)
    table = delta_table(uri, name, options)
    try:
        files = [_path(file) for file in table.file_uris()]
        if files and not where.startswith("file:"):
            # DuckDB itself reaches no other store without extensions that it would load from the network.
            connection.from_arrow(table.to_pyarrow_dataset()).create_view(name)
            return []
    except (DeltaError, OSError) as error:
        raise LogPipelineError(f"{where}: cannot be read: {cause(error)}") from error
    patterns = [_GLOB.sub(r"[\1]", file) for file in files]
    if files:
        # Else DuckDB guesses them from what the paths hold.
        types = {column: str(_sql_type(SCHEMAS[name].field(column).type)) for column in PARTITIONS[name]}
        relation = connection.from_query(
            "SELECT * FROM read_parquet($files, hive_partitioning = true, hive_types = $types, union_by_name = true)",
            params={"files": patterns, "types": types},
        )
    else:
        relation = connection.from_arrow(SCHEMAS[name].empty_table())
    relation.create_view(name)
    return sorted({*files, *patterns})


def cause(error: Exception) -> str:
    """Return the last two of the causes that delta-rs lists, in one line without its colours."""
    causes = [" ".join(part.split()) for part in _COLOUR.sub("", str(error)).split("↳")]
    return ": ".join(causes[-2:])[:_LONGEST_CAUSE]


def location(where: str) -> str:
    """Return the place of a table as delta-rs writes it."""
    return where.removeprefix("file://").replace("s3a://", "s3://", 1)


def _path(file: str) -> str:
    # Of a file of this machine delta-rs gives a path that is quoted as a URI's is.
    return unquote(file) if file.startswith("/") else file


def _sql_type(column: pa.DataType) -> str:
    return {pa.date32(): "DATE", pa.int32(): "INTEGER"}[column]
