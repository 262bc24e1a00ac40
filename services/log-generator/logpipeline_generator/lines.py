"""Lines of files in blocks of bounded size: memory grows with neither the file nor a line."""

from __future__ import annotations

import io
import os
import select
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import cast

from logpipeline.errors import LogPipelineError
from logpipeline.log_stream import LogStream

_CHUNK_BYTES = 256 << 10


@dataclass
class Block:
    """The next lines of a file, without their line ends."""

    lines: list[bytes]
    empty: int = 0
    oversized: list[tuple[int, int]] = field(default_factory=list)
    """Line number (from 1) and size in bytes of each line over the limit; these are not among `lines`."""

    @property
    def read(self) -> int:
        """How many lines of the file this block stands for."""
        return len(self.lines) + self.empty + len(self.oversized)


class _PatientPipe(io.RawIOBase):
    """A pipe whose reader gives up waiting when told to stop."""

    def __init__(self, descriptor: int, stopping: Callable[[], bool]) -> None:
        self._descriptor, self._stopping = descriptor, stopping

    def readable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._stopping():
            if select.select([self._descriptor], [], [], 0.1)[0]:
                data = os.read(self._descriptor, len(buffer))
                buffer[: len(data)] = data
                return len(data)
        return 0


class LineFile:
    """A file, a pipe or standard input (`-`), opened and found to be readable."""

    def __init__(self, path: str, stopping: Callable[[], bool]) -> None:
        self.name = "standard input" if path == "-" else path
        self._stopping = stopping
        try:
            descriptor = sys.stdin.fileno() if path == "-" else os.open(path, os.O_RDONLY)
        except OSError as error:
            raise LogPipelineError(f"{self.name}: {(error.strerror or str(error)).lower()}") from error
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            os.close(descriptor)
            raise LogPipelineError(f"{self.name}: is a directory, not a file")
        regular = stat.S_ISREG(status.st_mode)
        self.size = status.st_size if regular else None
        """Bytes, compressed if the file is; None for a pipe."""
        self.empty = False
        """Whether there is nothing in it; of a pipe nobody knows."""
        self._raw = io.FileIO(descriptor) if regular else _PatientPipe(descriptor, stopping)
        self._stream = LogStream(io.BufferedReader(cast("io.RawIOBase", self._raw), _CHUNK_BYTES), self.name)
        self._first = b""
        # a pipe's first bytes may be long in coming: those are looked at when they are wanted
        if regular:
            try:
                self._first = self._stream.read_chunk()
            except LogPipelineError:
                self.close()
                raise
            self.empty = not self._first

    @property
    def remarks(self) -> list[str]:
        """What was passed over so far, in lines that name the file."""
        return self._stream.remarks

    @property
    def position(self) -> int:
        """How many of the file's `size` bytes have been taken in; 0 for a pipe."""
        return self._raw.tell() if self.size is not None else 0

    def blocks(self, limit: int) -> Iterator[Block]:
        """The lines in order; those longer than `limit` bytes are told by number and size alone.

        Raises LogPipelineError at the end of a file that is damaged or cut off.
        """
        number, rest, skipped = 0, b"", 0
        while chunk := self._read():
            block = Block([])
            if skipped:
                end = chunk.find(b"\n")
                if end < 0:
                    skipped += len(chunk)
                    continue
                block.oversized.append((number + 1, skipped + end))
                chunk, skipped, number = chunk[end + 1 :], 0, number + 1
            *lines, rest = (rest + chunk).split(b"\n")
            self._fill(block, lines, number, limit)
            number += len(lines)
            if len(rest) > limit + 1:
                rest, skipped = b"", len(rest)
            if block.read:
                yield block
        if (rest or skipped) and not self._stopping():
            block = Block([], oversized=[(number + 1, skipped)] if skipped else [])
            self._fill(block, [rest] if rest else [], number, limit)
            yield block
        if self._stream.damage is not None and not self._stopping():
            raise LogPipelineError(self._stream.damage)

    def close(self) -> None:
        """Give the descriptor back."""
        self._raw.close()

    @staticmethod
    def _fill(block: Block, lines: list[bytes], number: int, limit: int) -> None:
        """Add `lines`, the first of which is line `number` + 1."""
        lines = [line.rstrip(b"\r") for line in lines]
        full = [line for line in lines if line]
        block.empty += len(lines) - len(full)
        if full and max(map(len, full)) > limit:
            block.oversized += [(at, len(line)) for at, line in enumerate(lines, number + 1) if len(line) > limit]
            full = [line for line in full if len(line) <= limit]
        block.lines = full

    def _read(self) -> bytes:
        chunk, self._first = self._first or self._stream.read_chunk(), b""
        return chunk
