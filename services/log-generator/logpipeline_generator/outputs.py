"""Where the generator's records go: a file, standard output or a Kafka topic."""

from __future__ import annotations

import contextlib
import gzip
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from logpipeline.errors import LogPipelineError
from logpipeline_generator.delivery import Delivery
from logpipeline_generator.stopping import GRACE_SECONDS

_GZIP_LEVEL = 1
"""The quickest: keeps up with the generator, at about a sixth of the plain size."""


class Output(Protocol):
    """Takes records in order."""

    def write(self, records: Sequence[bytes]) -> bool:
        """Take all `records`; False, and none taken, when told to stop while waiting."""

    def pending(self) -> int:
        """Records taken but not yet known to be safe."""

    def failed(self) -> int:
        """Records lost."""

    def close(self, abandon: Callable[[], bool]) -> None:
        """Make everything safe, unless `abandon` says not to wait."""


class FileOutput(Output):
    """A line a record; `-` is standard output, a name that ends in `.gz` is compressed."""

    def __init__(self, path: str) -> None:
        try:
            raw = cast("BinaryIO", sys.stdout.buffer if path == "-" else Path(path).open("wb"))  # noqa: SIM115
        except OSError as error:
            raise LogPipelineError(f"{path}: {(error.strerror or str(error)).lower()}") from error
        self._raw = raw
        self._name = "standard output" if path == "-" else path
        # no name and no time in the gzip header: the same stream gives the same bytes
        self._file = (
            cast("BinaryIO", gzip.GzipFile("", "wb", _GZIP_LEVEL, raw, mtime=0)) if path.endswith(".gz") else raw
        )

    def write(self, records: Sequence[bytes]) -> bool:
        """Take all; False when nobody reads any more."""
        try:
            self._file.write(b"\n".join(records) + b"\n")
            if self._file is self._raw:
                self._file.flush()
        except BrokenPipeError:
            # the reader has seen enough (`| head`); keep the interpreter's own last flush from complaining
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._raw.fileno())
            return False
        except OSError as error:
            raise self._unwritable(error) from error
        return True

    def pending(self) -> int:
        """None: what is written is safe."""
        return 0

    def failed(self) -> int:
        """None."""
        return 0

    def close(self, abandon: Callable[[], bool]) -> None:  # noqa: ARG002
        """End the gzip stream and the file."""
        try:
            if self._file is not self._raw:
                self._file.close()
            if self._raw is not sys.stdout.buffer:
                self._raw.close()
        except BrokenPipeError:
            pass  # as above
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> LogPipelineError:
        with contextlib.suppress(OSError):  # what is still in its buffer cannot be written either
            self._raw.close()
        return LogPipelineError(f"{self._name}: cannot be written: {(error.strerror or str(error)).lower()}")


class TopicOutput(Output):
    """A message a record."""

    def __init__(self, delivery: Delivery) -> None:
        self._delivery = delivery

    def write(self, records: Sequence[bytes]) -> bool:
        """Queue all, once there is room."""
        return self._delivery.send(records)

    def pending(self) -> int:
        """Records that Kafka has not answered for."""
        return self._delivery.outstanding

    def failed(self) -> int:
        """Records that Kafka refused."""
        return self._delivery.failed

    def close(self, abandon: Callable[[], bool]) -> None:
        """Wait for every answer; once told to stop, for the grace period."""
        self._delivery.flush(GRACE_SECONDS, abandon)
