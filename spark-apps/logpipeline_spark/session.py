"""The Spark session of the goals, and what is asked of its JVM."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark.sql import SparkSession

from logpipeline.distribution import distribution
from logpipeline.errors import LogPipelineError

# Every setting with its reason; what a user's own Spark configuration says is set after these.
_SETTINGS = {
    # Driver and executors are one process here; nothing of it is for the network.
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    # The session's own time zone never shows in a result, but Spark warns and differs by machine without one.
    "spark.sql.session.timeZone": "UTC",
    # Counts leave a worker as one row, so batches to it may be large; bounded in bytes for records of a megabyte.
    "spark.sql.execution.arrow.maxRecordsPerBatch": "100000",
    "spark.sql.execution.arrow.maxBytesPerBatch": str(32 << 20),
    # A worker that was forked keeps its imports: 1 s saved a task.
    "spark.python.worker.reuse": "true",
    # A version of state is the whole of it, so ten versions are kept for recovery, not the hundred of small deltas.
    "spark.sql.streaming.minBatchesToRetain": "10",
    # One row a shard: the tasks of a batch are few and short.
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.streaming.numRecentProgressUpdates": "2",
    # Idleness is told as soon as a batch would be.
    "spark.sql.streaming.noDataProgressEventInterval": "1000",
}

# A broker or topic that is not there yet may be in a moment; anything else Kafka says is final.
_NOT_YET = ("TimeoutException", "UnknownTopicOrPartitionException", "DisconnectException")
_WAIT_SECONDS = 120
_LOOK_EVERY = 0.3


def session(name: str, *, shards: int, settings: Mapping[str, str] | None = None) -> SparkSession:
    """Return a running session; raises LogPipelineError when the Kafka source's jars are not there."""
    folder = distribution() / "spark-jars"
    jars = sorted(map(str, folder.glob("*.jar")))
    if not jars:
        raise LogPipelineError(f"Spark's Kafka source is not installed in {folder}; run `make setup`")
    # Workers of this very interpreter: `python3` on the PATH may be another one, without our packages.
    os.environ["PYSPARK_PYTHON"] = sys.executable
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    builder = (
        SparkSession.builder.appName(name)
        .master("local[2]")
        # On the class path of the JVM itself, not shipped to it: no copy a start.
        .config("spark.driver.extraClassPath", os.pathsep.join(jars))
        .config("spark.sql.shuffle.partitions", shards)
        .config(
            "spark.driver.extraJavaOptions",
            f"-Dlog4j2.configurationFile={Path(__file__).with_name('log4j2.properties')}",
        )
    )
    for key, value in {**_SETTINGS, **(settings or {})}.items():
        builder = builder.config(key, value)
    return builder.getOrCreate()


def read_properties(spark: SparkSession, path: Path) -> dict[str, str]:
    """Return the settings of a Java properties file, read by Java's own parser."""
    properties = spark.sparkContext._jvm.java.util.Properties()  # type: ignore[union-attr] # noqa: SLF001
    properties.load(spark.sparkContext._jvm.java.io.FileInputStream(str(path)))  # type: ignore[union-attr] # noqa: SLF001
    return {str(name): str(properties.getProperty(name)) for name in properties.stringPropertyNames()}


def partition_count(spark: SparkSession, kafka: Mapping[str, str], topic: str, stop: threading.Event) -> int:
    """Return how many partitions `topic` has, as soon as Kafka and the topic are there; 0 when `stop` is set before.

    A pipeline's parts start in any order. Raises LogPipelineError when Kafka refuses, or after two minutes.
    """
    jvm: Any = spark.sparkContext._jvm  # noqa: SLF001 - the Kafka client on Spark's class path saves a second one
    properties = jvm.java.util.Properties()
    for key, value in kafka.items():
        properties.setProperty(key, value)
    properties.setProperty("default.api.timeout.ms", "5000")
    properties.setProperty("request.timeout.ms", "3000")
    admin = jvm.org.apache.kafka.clients.admin.AdminClient.create(properties)
    deadline = time.monotonic() + _WAIT_SECONDS
    try:
        while not stop.wait(_LOOK_EVERY):
            names = jvm.java.util.Collections.singletonList(topic)
            try:
                return int(admin.describeTopics(names).allTopicNames().get().get(topic).partitions().size())
            except Py4JJavaError as error:
                cause = error.java_exception.getCause()
                retriable = cause.getClass().getSimpleName() in _NOT_YET
                if not retriable or time.monotonic() > deadline:
                    where = f"topic {topic!r} at {kafka['bootstrap.servers']}"
                    waited = f" for {_WAIT_SECONDS} s" if retriable else ""
                    raise LogPipelineError(f"{where} cannot be read{waited}: {cause.getMessage()}") from error
        return 0
    finally:
        admin.close()
