"""What a checkpoint was made by, and how far: a goal never goes on from state that another rule has counted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pyspark.sql import SparkSession

from logpipeline.errors import LogPipelineError
from logpipeline.rules import state_changes
from logpipeline_spark.hadoop import Folder

_NAME = "goal.json"
COUNT_AGAIN = "raise the goal's stateVersion: it then counts anew, from the offset that startFrom names"
# The first line of each entry of Spark's logs.
_LOG_VERSION = "v1\n"
_OFFSET_LINES = 3  # version, metadata, offsets of the source


@dataclass(frozen=True)
class Committed:
    """The last batch whose results and state are complete: its number, the offsets that it went up to by partition, and
    when it ended (epoch seconds).
    """

    batch: int
    offsets: Mapping[str, int]
    ended: float


class Checkpoint:
    """The folder (any Hadoop URI) of a query's state; `otherwise` is what helps a user who has no copy of it."""

    def __init__(self, spark: SparkSession, folder: str, otherwise: str = COUNT_AGAIN) -> None:
        self.folder = folder
        self._otherwise = otherwise
        self._files = Folder(spark, folder)

    def claim(self, goal: str, identity: Mapping[str, Any]) -> None:
        """Note what the state is of; raises LogPipelineError when it is of something else, or nothing says of what."""
        if not self._files.exists("offsets"):
            # Nothing was counted yet, whatever an earlier start has noted.
            self._files.write(_NAME, json.dumps(identity, indent=1))
            return
        try:
            before = json.loads(self._files.read(_NAME))
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
        if not self._files.exists("commits"):
            return None
        done = {int(name): ended for name, ended in self._files.changed("commits").items() if name.isdigit()}
        if not done:
            return None
        batch = max(done)
        if not self._files.read(f"commits/{batch}").startswith(_LOG_VERSION):
            raise self._damaged(f"commits/{batch}")
        # The next batch may be planned already.
        if self._files.exists(f"offsets/{batch + 1}"):
            self._offsets(batch + 1)
        return Committed(batch, self._offsets(batch), done[batch])

    def _offsets(self, batch: int) -> dict[str, int]:
        try:
            return read_offsets(self._files.read(f"offsets/{batch}"))
        except ValueError as error:
            raise self._damaged(f"offsets/{batch}") from error

    def _damaged(self, name: str) -> LogPipelineError:
        return LogPipelineError(
            f"the checkpoint is damaged: {self.folder}/{name} is missing or cut off; restore the folder from a copy, "
            f"or {self._otherwise}"
        )


def read_offsets(entry: str) -> dict[str, int]:
    """Return the offsets by partition of an entry of Spark's offset log, whose last line is of the only source.

    Raises ValueError for half an entry.
    """
    lines = entry.splitlines()
    if not entry.startswith(_LOG_VERSION) or len(lines) != _OFFSET_LINES:
        raise ValueError("not a whole entry of an offset log")
    return offsets_of(lines[-1]) or {}


def offsets_of(text: str) -> dict[str, int] | None:
    """Return the offsets by partition as Spark writes them, {"topic": {"partition": offset}}; None for no offset. Of
    several topics a partition is `<topic>-<partition>`, as in Kafka's own words.
    """
    if text in ("", "None"):  # PySpark writes Java's null as text
        return None
    return by_partition(json.loads(text))


def by_partition(topics: Mapping[str, Mapping[str, Any]]) -> dict[str, int]:
    """Return the offsets by partition of what `offsets_of` reads, parsed."""
    return {
        partition if len(topics) == 1 else f"{topic}-{partition}": int(offset)
        for topic, partitions in topics.items()
        for partition, offset in partitions.items()
    }
