"""What Spark reports of a batch, taken over as one JSON text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from pyspark import SparkContext
from pyspark.sql.streaming.listener import JStreamingQueryListener, StreamingQueryListener

from logpipeline_spark.checkpoint import by_partition


@dataclass(frozen=True)
class BatchReport:
    """A batch of the query `name`: seconds it took, records read a second, offsets by partition up to where it has read
    and where the topics ended, and what was observed, by the name of the observation.
    """

    name: str
    batch: int
    seconds: float
    rate: float | None
    offsets: Mapping[str, int] | None
    latest: Mapping[str, int] | None
    observed: Mapping[str, Mapping[str, Any]]


def read_report(text: str) -> BatchReport:
    """Return what Spark's JSON of a StreamingQueryProgress says of a query with one source."""
    found = orjson.loads(text)
    source = found["sources"][0]
    return BatchReport(
        name=found["name"],
        batch=found["batchId"],
        seconds=found["batchDuration"] / 1000,
        # Absent where it is no finite number.
        rate=found.get("inputRowsPerSecond"),
        offsets=_offsets(source.get("endOffset")),
        latest=_offsets(source.get("latestOffset")),
        observed=found.get("observedMetrics") or {},
    )


def _offsets(topics: Mapping[str, Any] | None) -> dict[str, int] | None:
    return None if topics is None else by_partition(topics)


class JsonListener(JStreamingQueryListener):
    """Hands a batch's report on to a listener in place of pyspark's event.

    pyspark itself fetches each field by a call into the JVM, a hundred and more of them a batch: on two busy cores that
    took longer than the batches of four goals, and what they reported was half a minute old.
    """

    pylistener: Any

    def onQueryProgress(self, jevent: Any) -> None:  # noqa: N802 - Spark's name
        """Take over the whole of it by one call."""
        self.pylistener.onQueryProgress(read_report(jevent.progress().json()))

    class Java:
        """What it is to the JVM."""

        implements = ("org.apache.spark.sql.streaming.PythonStreamingQueryListener",)


def java_listener(listener: StreamingQueryListener) -> Any:
    """Return what Spark is given for `listener`, whose `onQueryProgress` takes a BatchReport."""
    jvm: Any = SparkContext._jvm  # noqa: SLF001 - as pyspark's own
    return jvm.PythonStreamingQueryListenerWrapper(JsonListener(listener))
