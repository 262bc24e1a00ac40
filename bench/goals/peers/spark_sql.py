"""A goal in plain Spark Structured Streaming, or (`--noop`) what any goal costs at least: the source alone (`read`), or
with the handing of each record to a Python worker that drops it (`python`).

Run by our own interpreter. It reads what the topic holds, and ends.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812
from workload import GOALS, LATENESS, PARALLELISM, Goal

from logpipeline.distribution import distribution

_ROCKSDB = "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider"


def main() -> None:
    """Run the goal to the end of the topic."""
    parser = argparse.ArgumentParser()
    for name in ("servers", "topic", "results", "checkpoint", "goal"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--noop", choices=("read", "python"))
    parser.add_argument("--poll-records", default="100000", help="max.poll.records of the consumer")
    options = parser.parse_args()
    spark = (
        SparkSession.builder.master(f"local[{PARALLELISM}]")
        .config("spark.driver.memory", "4g")
        .config("spark.driver.extraClassPath", ":".join(map(str, distribution().joinpath("spark-jars").glob("*.jar"))))
        .config("spark.sql.shuffle.partitions", PARALLELISM)
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.streaming.stateStore.providerClass", _ROCKSDB)
        .config("spark.sql.streaming.stateStore.rocksdb.changelogCheckpointing.enabled", "true")
        .config("spark.sql.execution.arrow.maxRecordsPerBatch", 100_000)
        .config("spark.ui.enabled", "false")
        .getOrCreate()
    )
    records = (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", options.servers)
        .option("subscribe", options.topic)
        .option("startingOffsets", "earliest")
        .option("maxOffsetsPerTrigger", 1_000_000)
        # As in ours: Spark asks for the topic's bounds each time, two round trips; the consumer's default is 500.
        .option("kafka.max.poll.records", options.poll_records)
        .load()
    )
    if options.noop == "read":
        writer = records.select("value").writeStream.format("noop")
    elif options.noop == "python":
        handed = records.select("value", "partition", "offset", F.unix_millis("timestamp"))
        writer = handed.mapInArrow(_drop, "value binary").writeStream.format("noop")
    else:
        writer = (
            _windows(records, GOALS[options.goal])
            .writeStream.format("kafka")
            .option("kafka.bootstrap.servers", options.servers)
            .option("topic", options.results)
            .outputMode("append")
        )
    query = writer.option("checkpointLocation", options.checkpoint).trigger(processingTime="0 seconds").start()
    # Not `availableNow`: it ends before the batch that closes the last windows.
    query.processAllAvailable()
    query.stop()
    spark.stop()


def _drop(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        yield batch.select(["value"]).slice(0, 0)


def _windows(records: DataFrame, goal: Goal) -> DataFrame:
    # NGINX writes numbers as text, which Spark's reader takes for a number of no field.
    schema = f"`@timestamp` string, {goal.key} string, status string, request_time string"
    document = records.select(F.from_json(F.col("value").cast("string"), schema).alias("r"))
    parsed = document.select(
        F.col(f"r.{goal.key}"),
        F.timestamp_seconds(F.col("r.`@timestamp`").cast("double")).alias("ts"),
        F.col("r.status").cast("int").alias("status"),
        F.col("r.request_time").cast("double").alias("request_time"),
    )
    if goal.statuses is not None:
        parsed = parsed.where(F.col("status").between(*goal.statuses))
    window = F.window("ts", f"{goal.size} seconds", f"{goal.slide} seconds")
    counted = (
        parsed.withWatermark("ts", f"{LATENESS} seconds")
        .groupBy(window.alias("w"), goal.key)
        .agg(F.count("*").alias("n"), *([F.avg(goal.field).alias("value")] if goal.field else []))
    )
    if goal.more_than is not None:
        counted = counted.where(F.col("n") > goal.more_than)
    result = F.struct(
        F.col(goal.key).alias("key"),
        F.unix_timestamp("w.start").alias("start"),
        F.col("value" if goal.field else "n").alias("value"),
    )
    return counted.select(F.to_json(result).alias("value"))


if __name__ == "__main__":
    main()
