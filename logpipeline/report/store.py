"""The intermediates of an hour of a lake as a file in the lake: one row of Parquet with a list of structs a frame.

A file is replaced as a whole: delta-rs writes a temporary file and renames it, or puts one object.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl
import pyarrow as pa
import pyarrow.fs
from deltalake.exceptions import DeltaError
from deltalake.fs import DeltaStorageHandler

from logpipeline.errors import LogPipelineError
from logpipeline.report.layout import LAYOUT, VERSION, Hour, Intermediates
from logpipeline.report.raw import MARKS
from logpipeline.sql.reader import cause, location
from logpipeline.store import delta_rs_options

_FOLDER = f"report/v{VERSION}"
_FILE = re.compile(rf"{_FOLDER}/date=(\d{{4}}-\d\d-\d\d)/hour=(\d\d)\.parquet")
_BUFFER = 1 << 20
_SCHEMAS = {"marks": MARKS, **{name: pl.Schema(frame.schema()) for name, frame in LAYOUT.items()}}


class DamagedError(Exception):
    """A file that is not the intermediates of an hour."""


@dataclass(frozen=True)
class Counted:
    """The intermediates of an hour; `rows` is how many rows the table had of it when they were last brought up to
    date.
    """

    rows: int
    marks: pl.DataFrame
    intermediates: Intermediates


class Store:
    """The files of the lake at `uri`; `secret` are the entries of the Secret of its store.

    Its methods raise LogPipelineError when the store cannot be read or written.
    """

    def __init__(self, uri: str, secret: Mapping[str, str]) -> None:
        self._uri = uri.rstrip("/")
        handler = DeltaStorageHandler(location(self._uri), options=delta_rs_options(secret))
        self._files = pyarrow.fs.PyFileSystem(handler)

    def hours(self) -> set[Hour]:
        """Return the hours that there is a file of."""
        selector = pyarrow.fs.FileSelector(_FOLDER, recursive=True, allow_not_found=True)
        try:
            found = [_FILE.fullmatch(info.path) for info in self._files.get_file_info(selector)]
        except (DeltaError, OSError) as error:
            raise self._fault("read", error) from error
        return {(date.fromisoformat(one[1]), int(one[2])) for one in found if one}

    def read(self, hour: Hour) -> Counted:
        """Return what is stored of an hour; raises DamagedError for a file that holds something else."""
        try:
            with self._files.open_input_file(path_of(hour)) as file:
                content = file.read()
        except (DeltaError, OSError) as error:
            raise self._fault("read", error) from error
        try:
            row = pl.read_parquet(io.BytesIO(content))
            frames = {name: row[name].item().struct.unnest() for name in _SCHEMAS}
            rows = row["rows"].item()
        # A decoder that is given garbage raises what it likes, its own panics too.
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, ValueError, OSError, AttributeError) as error:
            raise DamagedError(self._named(hour)) from error
        if {name: frame.schema for name, frame in frames.items()} != _SCHEMAS or not isinstance(rows, int):
            raise DamagedError(self._named(hour))
        return Counted(rows, frames.pop("marks"), frames)

    def write(self, hour: Hour, counted: Counted) -> None:
        """Store the intermediates of an hour in place of those that are there."""
        frames = {"marks": counted.marks, **counted.intermediates}
        row = pl.DataFrame({"rows": [counted.rows], **{name: [one.to_struct()] for name, one in frames.items()}})
        content = io.BytesIO()
        row.write_parquet(content)
        try:
            # The buffer is what hands bytes to delta-rs; it takes nothing else.
            with pa.BufferedOutputStream(self._files.open_output_stream(path_of(hour)), _BUFFER) as file:
                file.write(content.getbuffer())
        except (DeltaError, OSError) as error:
            raise self._fault("written", error) from error

    def _named(self, hour: Hour) -> str:
        return f"{self._uri}/{path_of(hour)}"

    def _fault(self, what: str, error: Exception) -> LogPipelineError:
        return LogPipelineError(f"{self._uri}/{_FOLDER}: cannot be {what}: {cause(error)}")


def path_of(hour: Hour) -> str:
    """Return the path of the file of an hour, within the lake."""
    return f"{_FOLDER}/date={hour[0]}/hour={hour[1]:02}.parquet"
