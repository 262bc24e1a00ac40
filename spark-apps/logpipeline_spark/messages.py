"""Kafka's messages as a stream: what every application of ours sets on Spark's Kafka source."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - the name that every Spark programmer knows


def client_options(kafka: Mapping[str, str]) -> dict[str, str]:
    """Return Kafka client configuration as options of Spark's source and sink."""
    return {f"kafka.{name}": value for name, value in kafka.items()}


def messages(
    spark: SparkSession, kafka: Mapping[str, str], topics: Iterable[str], *, start_from: str, most: int
) -> DataFrame:
    """Return the messages of `topics` as a stream of `value` (binary), `topic`, `partition`, `offset` and `arrival_ms`
    (Kafka's timestamp).

    `start_from` (earliest, latest, or offsets in Spark's JSON) is where a checkpoint begins that is new; a batch has at
    most `most` messages.
    """
    return (
        spark.readStream.format("kafka")
        .options(**client_options(kafka))
        .option("subscribe", ",".join(topics))
        .option("startingOffsets", start_from)
        .option("maxOffsetsPerTrigger", most)
        # A broker that restarts is waited for, a minute and a half in all; Spark's default is 30 ms, or three minutes
        # where nothing answers. What is longer is told as an error, and no hang.
        .option("fetchOffset.numRetries", 8)
        .option("fetchOffset.retryIntervalMs", 1000)
        .option("kafka.default.api.timeout.ms", 10_000)
        .option("kafka.request.timeout.ms", 10_000)
        # Spark asks the broker for the topic's bounds, two round trips, each time that it takes this many records; the
        # consumer's default is 500.
        .option("kafka.max.poll.records", 100_000)
        # That question waits behind the fetch under way, half a second by default where nothing new comes.
        .option("kafka.fetch.max.wait.ms", 50)
        .load()
        .select("value", "topic", "partition", "offset", F.unix_millis("timestamp").alias("arrival_ms"))
        # A task costs more than the few records of a partition in a short batch; more tasks than cores only wait.
        .coalesce(spark.sparkContext.defaultParallelism)
    )
