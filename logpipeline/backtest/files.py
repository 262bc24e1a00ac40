"""A log file → blocks of lines, in constant memory."""

from __future__ import annotations

import io
import os
import stat
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa

from logpipeline.errors import LogPipelineError
from logpipeline.log_stream import LogStream
from logpipeline.plain import plain

_BLOCK = 8 << 20
# A file is first read by a little, so that its clock is known while a thousand others wait.
_FIRST_BLOCK = 64 << 10
# What the raw topic takes; a longer line cannot have been a record.
_LONGEST_LINE = 16 << 20
STANDARD_INPUT = Path("-")


@dataclass(frozen=True)
class Lines:
    """Lines without their ends, the number of the first (from 1) and, for each, how many lines after the first it
    stands.
    """

    values: pa.Array
    first: int
    offsets: np.ndarray[tuple[int], np.dtype[np.int64]]
    file: str
    modified_ms: int

    @property
    def arrival_ms(self) -> pa.Array:
        """When the file was last changed: nothing in it can have happened later."""
        return pa.array([self.modified_ms] * len(self.values), pa.int64())

    def place(self, row: int) -> Mapping[str, Any]:
        """Return the file and the line."""
        return {"file": self.file, "line": self.first + int(self.offsets[row])}


def expanded(paths: Sequence[Path]) -> list[Path]:
    """Return `paths` with the files of a folder, by name, in place of the folder; raises LogPipelineError for one that
    has none or cannot be read.
    """
    found: list[Path] = []
    for path in paths:
        try:
            if not path.is_dir():
                found.append(path)
                continue
            files = [file for file in sorted(path.iterdir()) if file.is_file() and not file.name.startswith(".")]
        except OSError as error:
            raise LogPipelineError(f"--input: {path}: cannot be read: {error.strerror}") from error
        if not files:
            raise LogPipelineError(f"--input: {path}: is a folder without files")
        found += files
    return found


def size_of(path: Path) -> int | None:
    """Return the size of a file in bytes, None for what has none: standard input, a pipe, a file that cannot be read,
    which is refused when it is opened.
    """
    try:
        return path.stat().st_size if path.is_file() else None
    except OSError:
        return None


def is_stream(path: Path) -> bool:
    """Return whether what is at `path` can be read but once: standard input, a pipe."""
    return path == STANDARD_INPUT or (path.exists() and not path.is_file())


class LogFile:
    """A file, a pipe or standard input (`-`), read once from its beginning to its end."""

    def __init__(self, path: Path) -> None:
        """Open it; raises LogPipelineError when it cannot be read."""
        self.name = "standard input" if path == STANDARD_INPUT else plain(str(path))
        try:
            self._raw = cast("io.BufferedReader", sys.stdin.buffer) if path == STANDARD_INPUT else path.open("rb")
            status = os.fstat(self._raw.fileno())
        except OSError as error:
            reason = "no such file" if isinstance(error, FileNotFoundError) else f"cannot be read: {error.strerror}"
            raise LogPipelineError(f"--input: {self.name}: {reason}") from error
        regular = stat.S_ISREG(status.st_mode)
        # Of what comes through a pipe nothing is younger than its reader.
        self.modified_ms = int((status.st_mtime if regular else time.time()) * 1000)
        self.size = status.st_size if regular else None
        self.plain_bytes = 0
        self.too_long = 0
        self.empty = 0
        self._stream = LogStream(self._raw, self.name)

    @property
    def remarks(self) -> list[str]:
        """What could not be read, and what was passed over, so far."""
        return [*self._stream.remarks, *([self._stream.damage] if self._stream.damage else [])]

    def is_empty(self) -> bool:
        """Return whether nothing was there to read."""
        return not self.plain_bytes

    def position(self) -> int:
        """Return how many bytes of the file (as it stands on the disk) have been read, 0 of a pipe."""
        return 0 if self.size is None else self._raw.tell()

    def close(self) -> None:
        """Close the file."""
        self._raw.close()

    def blocks(self) -> Iterator[Lines]:
        """Yield the lines in order, a block at a time; empty and over-long lines are left out and counted."""
        rest, number, skipping, size = b"", 1, False, _FIRST_BLOCK
        while block := self._read(size):
            size = _BLOCK
            if skipping:
                end = block.find(b"\n")
                if end < 0:
                    continue
                block, skipping, number = block[end + 1 :], False, number + 1
            whole, newline, rest = (rest + block).rpartition(b"\n")
            if newline:
                lines = self._lines(whole + newline, number)
                number += whole.count(b"\n") + 1
                yield lines
            if len(rest) > _LONGEST_LINE:
                rest, skipping = b"", True
                self.too_long += 1
        if rest:
            yield self._lines(rest + b"\n", number)

    def _read(self, size: int) -> bytes:
        try:
            block = self._stream.read(size)
        except LogPipelineError as error:
            raise LogPipelineError(f"--input: {error.message}") from error
        self.plain_bytes += len(block)
        return block

    def _lines(self, block: bytes, number: int) -> Lines:
        ends = np.flatnonzero(np.frombuffer(block, np.uint8) == ord("\n"))
        offsets = np.concatenate(([0], ends + 1)).astype(np.int64)
        data = pa.py_buffer(block)
        # Each value still has its line break; taking it off is a slice of every value, without a copy of the text in
        # Python.
        with_ends = pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(ends), [None, pa.py_buffer(offsets), data])
        values = pa.compute.binary_slice(with_ends.cast(pa.binary()), 0, -1)
        if b"\r\n" in block:
            text_end = pa.compute.equal(pa.compute.binary_slice(values, -1), b"\r")
            values = pa.compute.if_else(text_end, pa.compute.binary_slice(values, 0, -1), values)
        filled = pa.compute.greater(pa.compute.binary_length(values), 0)
        kept = np.flatnonzero(filled)
        self.empty += len(values) - len(kept)
        return Lines(values.filter(filled), number, kept, self.name, self.modified_ms)
