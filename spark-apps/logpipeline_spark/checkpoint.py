"""What a checkpoint was made by, and how far: a goal never goes on from state that another rule has counted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark.sql import SparkSession

from logpipeline.errors import LogPipelineError
from logpipeline.rules import state_changes

_NAME = "goal.json"
# The first line of each entry of Spark's logs.
_LOG_VERSION = "v1\n"
_OFFSET_LINES = 3  # version, metadata, offsets of the source
# What Hadoop says of a file that is gone or cut off; anything else, as a store that does not answer, may pass.
_NOT_WHOLE = ("FileNotFoundException", "ChecksumException", "EOFException")


@dataclass(frozen=True)
class Committed:
    """The last batch whose results and state are complete: its number, the offsets that it went up to by partition, and
    when it ended (epoch seconds).
    """

    batch: int
    offsets: Mapping[str, int]
    ended: float


class Checkpoint:
    """The folder (any Hadoop URI) of a goal's state."""

    def __init__(self, spark: SparkSession, folder: str) -> None:
        self.folder = folder
        jvm: Any = spark.sparkContext._jvm  # noqa: SLF001 - Hadoop's file systems have no Python of their own
        self._jvm = jvm
        self._path = jvm.org.apache.hadoop.fs.Path(folder)
        self._files = self._path.getFileSystem(spark.sparkContext._jsc.hadoopConfiguration())  # noqa: SLF001

    def claim(self, goal: str, identity: Mapping[str, Any]) -> None:
        """Note what the state is of; raises LogPipelineError when it is of something else, or nothing says of what."""
        path = self._below(_NAME)
        if not self._files.exists(self._below("offsets")):
            # Nothing was counted yet, whatever an earlier start has noted.
            stream = self._files.create(path, True)
            stream.write(json.dumps(identity, indent=1).encode())
            stream.close()
            return
        try:
            before = json.loads(self._read(_NAME))
        except ValueError as error:
            raise self._damaged(_NAME) from error
        if changed := state_changes(before, identity):
            raise LogPipelineError(
                f"goal {goal!r}: {', '.join(changed)} changed, but its state in {self.folder} was counted by the old "
                "rule; give the goal a new name, or raise its stateVersion: it then counts anew, from the offset that "
                "startFrom names"
            )

    def committed(self) -> Committed | None:
        """Return the last batch that is complete, None when there is none.

        Raises LogPipelineError when what Spark would go on from was cut off or overwritten: it would fail again and
        again, and nobody may choose for the user what to lose.
        """
        commits = self._below("commits")
        if not self._files.exists(commits):
            return None
        done = {
            int(status.getPath().getName()): status.getModificationTime() / 1000
            for status in self._files.listStatus(commits)
            if status.getPath().getName().isdigit()
        }
        if not done:
            return None
        batch = max(done)
        if not self._read(f"commits/{batch}").startswith(_LOG_VERSION):
            raise self._damaged(f"commits/{batch}")
        # The next batch may be planned already.
        if self._files.exists(self._below(f"offsets/{batch + 1}")):
            self._offsets(batch + 1)
        return Committed(batch, self._offsets(batch), done[batch])

    def _offsets(self, batch: int) -> dict[str, int]:
        try:
            return read_offsets(self._read(f"offsets/{batch}"))
        except ValueError as error:
            raise self._damaged(f"offsets/{batch}") from error

    def _damaged(self, name: str) -> LogPipelineError:
        return LogPipelineError(
            f"the checkpoint is damaged: {self.folder}/{name} is missing or cut off; restore the folder from a copy, "
            "or raise the goal's stateVersion: it then counts anew, from the offset that startFrom names"
        )

    def _below(self, name: str) -> Any:
        return self._jvm.org.apache.hadoop.fs.Path(self._path, name)

    def _read(self, name: str) -> str:
        """Return a file's text; empty where there is no whole file."""
        try:
            stream = self._files.open(self._below(name))
            try:
                return str(self._jvm.org.apache.commons.io.IOUtils.toString(stream, "UTF-8"))
            finally:
                stream.close()
        except Py4JJavaError as error:
            if error.java_exception.getClass().getSimpleName() in _NOT_WHOLE:
                return ""
            raise


def read_offsets(entry: str) -> dict[str, int]:
    """Return the offsets by partition of an entry of Spark's offset log, whose last line is of the only source.

    Raises ValueError for half an entry.
    """
    lines = entry.splitlines()
    if not entry.startswith(_LOG_VERSION) or len(lines) != _OFFSET_LINES:
        raise ValueError("not a whole entry of an offset log")
    return offsets_of(lines[-1]) or {}


def offsets_of(text: str) -> dict[str, int] | None:
    """Return the offsets by partition as Spark writes them, {"topic": {"partition": offset}}; None for no offset."""
    if text in ("", "None"):  # PySpark writes Java's null as text
        return None
    (partitions,) = json.loads(text).values()
    return {partition: int(offset) for partition, offset in partitions.items()}
