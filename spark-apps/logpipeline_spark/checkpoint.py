"""What a checkpoint was made by, and how far: a goal never goes on from state that another rule has counted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pyspark.sql import SparkSession

from logpipeline.errors import LogPipelineError
from logpipeline.rules import state_changes

_NAME = "goal.json"


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
        """Note what the state is of; raises LogPipelineError when it is of something else."""
        path = self._below(_NAME)
        if not self._files.exists(path):
            stream = self._files.create(path, True)
            stream.write(json.dumps(identity, indent=1).encode())
            stream.close()
            return
        if changed := state_changes(json.loads(self._read(path)), identity):
            raise LogPipelineError(
                f"goal {goal!r}: {', '.join(changed)} changed, but its state in {self.folder} was counted by the old "
                "rule; give the goal a new name, or raise its stateVersion: it then counts anew, from the offset that "
                "startFrom names"
            )

    def committed(self) -> Committed | None:
        """Return the last batch that is complete, None when there is none."""
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
        return Committed(batch, read_offsets(self._read(self._below(f"offsets/{batch}"))), done[batch])

    def _below(self, name: str) -> Any:
        return self._jvm.org.apache.hadoop.fs.Path(self._path, name)

    def _read(self, path: Any) -> str:
        stream = self._files.open(path)
        try:
            return str(self._jvm.org.apache.commons.io.IOUtils.toString(stream, "UTF-8"))
        finally:
            stream.close()


def is_to_blame(folder: str, error: str) -> bool:
    """Return whether an error of a query is one of its checkpoint: it names the folder or what writes there, or says
    that the volume is full.
    """
    return any(sign in error for sign in (folder, "CheckpointFileManager", "No space left on device"))


def read_offsets(entry: str) -> dict[str, int]:
    """Return the offsets by partition of an entry of Spark's offset log, whose last line is of the only source."""
    return offsets_of(entry.strip().splitlines()[-1]) or {}


def offsets_of(text: str) -> dict[str, int] | None:
    """Return the offsets by partition as Spark writes them, {"topic": {"partition": offset}}; None for no offset."""
    if text in ("", "None"):  # PySpark writes Java's null as text
        return None
    (partitions,) = json.loads(text).values()
    return {partition: int(offset) for partition, offset in partitions.items()}
