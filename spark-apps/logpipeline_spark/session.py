"""The Spark session of the goals, and what is asked of its JVM."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from pyspark.sql import SparkSession

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


def distribution() -> Path:
    """Return the folder that `make setup` (or the image) has laid the jars and services in."""
    return Path(os.environ.get("LOGPIPELINE_DIST") or Path(sys.prefix, "share", "logpipeline"))


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


def partition_count(spark: SparkSession, kafka: Mapping[str, str], topic: str) -> int:
    """Return how many partitions `topic` has; raises LogPipelineError when Kafka cannot tell."""
    jvm = spark.sparkContext._jvm  # noqa: SLF001 - the Kafka client on Spark's class path saves a second one in the image
    assert jvm is not None
    properties = jvm.java.util.Properties()
    for key, value in kafka.items():
        properties.setProperty(key, value)
    properties.setProperty("default.api.timeout.ms", "30000")
    admin = jvm.org.apache.kafka.clients.admin.AdminClient.create(properties)
    try:
        names = jvm.java.util.Collections.singletonList(topic)
        described = admin.describeTopics(names).allTopicNames().get()
        return int(described.get(topic).partitions().size())
    except Exception as error:  # py4j wraps whatever the client throws
        cause = getattr(error, "java_exception", None)
        reason = cause.getMessage() if cause is not None else str(error)
        raise LogPipelineError(
            f"topic {topic!r} at {kafka.get('bootstrap.servers')} cannot be read: {reason}"
        ) from error
    finally:
        admin.close()
