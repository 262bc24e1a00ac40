"""The history in a lake as logs: a partition of the raw topic each, hour by hour."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from logpipeline.errors import LogPipelineError
from logpipeline.sql.reader import Limits, open_lake, run

_ROWS = 100_000
_SPAN = "(date, hour) BETWEEN ($first::DATE, hour($first::TIMESTAMP)) AND ($last::DATE, hour($last::TIMESTAMP))"


@dataclass(frozen=True)
class Rows:
    """Some rows of the table `raw`: a `Block`."""

    batch: pa.RecordBatch
    topic: str
    partition: int

    @property
    def values(self) -> pa.Array:
        """The raw bytes."""
        return self.batch.column("value")

    @property
    def arrival_ms(self) -> pa.Array:
        """Kafka's timestamps."""
        return self.batch.column("arrival_ms")

    def place(self, row: int) -> Mapping[str, Any]:
        """Return topic, partition, offset and timestamp, as of an invalid record that was read live."""
        offset, arrival_ms = (self.batch.column(name)[row].as_py() for name in ("offset", "arrival_ms"))
        return {"topic": self.topic, "partition": self.partition, "offset": offset, "timestamp": arrival_ms / 1000}


def lake_logs(uri: str, secret: Mapping[str, str], first: datetime, last: datetime) -> list[functools.partial[LakeLog]]:
    """Return the logs of a lake with the records of the hours from `first` to `last`; raises LogPipelineError where
    there are none.
    """
    hours = {"first": first.astimezone(UTC).replace(tzinfo=None), "last": last.astimezone(UTC).replace(tzinfo=None)}
    connection = open_lake(uri, Limits(), secret)
    query = f"SELECT topic, partition, date, hour, count(*) FROM raw WHERE {_SPAN} GROUP BY ALL ORDER BY ALL"  # noqa: S608
    with run(connection, query, None, hours) as found:
        rows = found.fetchall()
    parts: dict[tuple[str, int], list[tuple[Any, int]]] = {}
    sizes: dict[tuple[str, int], int] = {}
    for topic, partition, date, hour, count in rows:
        parts.setdefault((topic, partition), []).append((date, hour))
        sizes[topic, partition] = sizes.get((topic, partition), 0) + count
    if not parts:
        raise LogPipelineError(f"{uri}: has no record of the hours from {first} to {last}")
    return [
        functools.partial(LakeLog, uri, secret, *part, spans=spans, size=sizes[part]) for part, spans in parts.items()
    ]


class LakeLog:
    """The records of one partition of a topic: a `Log`, counted in records."""

    def __init__(
        self, uri: str, secret: Mapping[str, str], topic: str, partition: int, *, spans: Sequence[Any], size: int
    ) -> None:
        """`spans` are the dates and hours that have any."""
        self.name = f"{topic}, partition {partition}"
        self.size: int | None = size
        self.too_long = self.empty = 0
        self.remarks: Sequence[str] = ()
        self._topic, self._partition, self._spans = topic, partition, spans
        self._read = 0
        # One of its own: while one log waits another is read.
        self._connection = open_lake(uri, Limits(), secret)

    def position(self) -> int:
        """Return how many records were read."""
        return self._read

    def blocks(self) -> Iterator[Rows]:
        """Yield the records, by the hour of the event and within it as they were written."""
        query = (
            'SELECT coalesce(line_bytes, encode(line)) AS "value", epoch_ms(kafka_time) AS arrival_ms, "offset" '
            "FROM raw WHERE topic = $topic AND partition = $partition AND date = $date AND hour = $hour "
            'ORDER BY "offset"'
        )
        for date, hour in self._spans:
            given = {"topic": self._topic, "partition": self._partition, "date": date, "hour": hour}
            with run(self._connection, query, None, given) as rows:
                for batch in rows.to_arrow_reader(_ROWS):
                    self._read += batch.num_rows
                    yield Rows(batch, self._topic, self._partition)

    def is_empty(self) -> bool:
        """Return False: there is something of each partition."""
        return False

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
