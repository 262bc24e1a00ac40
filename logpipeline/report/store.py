"""The intermediates of an hour of a lake as a file in the lake: one row of Parquet with a list of structs a frame."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl

from logpipeline.report.files import LakeFiles
from logpipeline.report.layout import LAYOUT, VERSION, Hour, Intermediates
from logpipeline.report.raw import MARKS

_FOLDER = f"report/v{VERSION}"
_FILE = re.compile(rf"{_FOLDER}/date=(\d{{4}}-\d\d-\d\d)/hour=(\d\d)\.parquet")
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
        self._files = LakeFiles(uri, secret)

    def hours(self) -> set[Hour]:
        """Return the hours that there is a file of."""
        found = [_FILE.fullmatch(path) for path in self._files.below(_FOLDER)]
        return {(date.fromisoformat(one[1]), int(one[2])) for one in found if one}

    def read(self, hour: Hour) -> Counted:
        """Return what is stored of an hour; raises DamagedError for a file that holds something else."""
        content = self._files.read(path_of(hour))
        try:
            row = pl.read_parquet(io.BytesIO(content))
            frames = {name: row[name].item().struct.unnest() for name in _SCHEMAS}
            rows = row["rows"].item()
        # A decoder that is given garbage raises what it likes, its own panics too.
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, ValueError, OSError, AttributeError) as error:
            raise DamagedError(self._files.named(path_of(hour))) from error
        if {name: frame.schema for name, frame in frames.items()} != _SCHEMAS or not isinstance(rows, int):
            raise DamagedError(self._files.named(path_of(hour)))
        return Counted(rows, frames.pop("marks"), frames)

    def write(self, hour: Hour, counted: Counted) -> None:
        """Store the intermediates of an hour in place of those that are there."""
        frames = {"marks": counted.marks, **counted.intermediates}
        row = pl.DataFrame({"rows": [counted.rows], **{name: [one.to_struct()] for name, one in frames.items()}})
        content = io.BytesIO()
        row.write_parquet(content)
        self._files.write(path_of(hour), content.getvalue())


def path_of(hour: Hour) -> str:
    """Return the path of the file of an hour, within the lake."""
    return f"{_FOLDER}/date={hour[0]}/hour={hour[1]:02}.parquet"
