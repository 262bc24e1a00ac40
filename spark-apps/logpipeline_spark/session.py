"""The Spark session of an application."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from pyspark.sql import SparkSession

from logpipeline.distribution import distribution
from logpipeline.errors import LogPipelineError
from logpipeline_spark.placement import Placement

# Every setting with its reason; what a user adds never takes one of them away.
_SETTINGS = {
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
    # A batch that does not end when it is told to must not hold up the end of the process.
    "spark.sql.streaming.stopTimeout": "5s",
}
_JAVA_OPTIONS = (
    # A JVM without memory is of no use to anyone; one that has ended is started again.
    "-XX:+ExitOnOutOfMemoryError",
    f"-Dlog4j2.configurationFile={Path(__file__).with_name('log4j2.properties')}",
    # As much as every start needs: growing there costs full collections.
    "-XX:MetaspaceSize=128m",
    # What a batch costs is in the Python workers. The JVM's optimizing compiler takes half of the CPU of a start, for
    # code that runs once: it waits for ten times the calls that it does by default.
    "-XX:Tier4InvocationThreshold=50000",
    "-XX:Tier4MinInvocationThreshold=6000",
    "-XX:Tier4CompileThreshold=150000",
    "-XX:Tier4BackEdgeThreshold=400000",
)
_COLLECTOR = re.compile(r"-XX:\+Use\w+GC\b")
# The classes of a start, where they were recorded (see container/train.py): they need not be read and checked anew.
CLASS_ARCHIVE = "classes.jsa"
# For a file of this machine Spark's own choice starts `readlink` and `chmod` as processes, 0.2 s a batch; a rename is
# atomic either way. For what is elsewhere Spark chooses.
_FOLDER_MANAGER = "org.apache.spark.sql.execution.streaming.checkpointing.FileSystemBasedCheckpointFileManager"
# What a user says of these is added to ours.
_JOINED = {
    "spark.driver.extraJavaOptions": " ",
    "spark.executor.extraJavaOptions": " ",
    "spark.driver.extraClassPath": os.pathsep,
    "spark.executor.extraClassPath": os.pathsep,
}


def session(
    name: str,
    *,
    shards: int,
    placement: Placement,
    checkpoints: str,
    conf: Mapping[str, str] | None = None,
    application: Mapping[str, str] | None = None,
) -> SparkSession:
    """Return a running session for queries whose state is below `checkpoints`; `application` is the configuration that
    one application alone needs, `conf` what the user adds.

    Raises LogPipelineError when the Kafka source's jars are not there.
    """
    folder = distribution() / "spark-jars"
    jars = sorted(map(str, folder.glob("*.jar")))
    if not jars:
        raise LogPipelineError(f"Spark's jars are not installed in {folder}; run `make setup`")
    options = [*_JAVA_OPTIONS]
    if (archive := folder / CLASS_ARCHIVE).exists():
        options += [f"-XX:SharedArchiveFile={archive}", "-Xlog:cds=off"]
    # Workers of this very interpreter: `python3` on the PATH may be another one, without our packages.
    os.environ["PYSPARK_PYTHON"] = sys.executable
    os.environ["SPARK_LOCAL_IP"] = placement.address
    builder = SparkSession.builder.appName(name)
    ours = {**_SETTINGS, **(application or {}), **placement.settings(), "spark.sql.shuffle.partitions": str(shards)}
    if is_folder(checkpoints):
        ours["spark.sql.streaming.checkpointFileManagerClass"] = _FOLDER_MANAGER
    for role in ("driver", "executor"):
        # On the class path of the JVM itself, not shipped to it: no copy a start.
        ours[f"spark.{role}.extraClassPath"] = os.pathsep.join(jars)
        theirs = (conf or {}).get(f"spark.{role}.extraJavaOptions", "")
        ours[f"spark.{role}.extraJavaOptions"] = " ".join([*options, *collector(theirs)])
    for key, value in merged(ours, conf or {}).items():
        builder = builder.config(key, value)
    return builder.getOrCreate()


def is_folder(checkpoints: str) -> bool:
    """Return whether checkpoints are files of this machine, and not behind a Hadoop URI of another kind."""
    return urlsplit(checkpoints).scheme in ("", "file")


def collector(theirs: str) -> list[str]:
    """Return the JVM option for the garbage collector, none where the user's options choose one: a JVM refuses two."""
    # Of 2 GiB, half of them the workers', the JVM's own choice took 160 MiB more.
    return [] if _COLLECTOR.search(theirs) else ["-XX:+UseSerialGC"]


def merged(ours: Mapping[str, str], conf: Mapping[str, str]) -> dict[str, str]:
    """Return our settings and the user's in one; of those that both may name the user's stand behind ours."""
    both = [key for key in _JOINED if key in ours and key in conf]
    joined = {key: ours[key] + _JOINED[key] + conf[key] for key in both}
    return {**ours, **conf, **joined}
