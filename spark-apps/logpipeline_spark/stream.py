"""A goal as a streaming query: Kafka in, DataFrame → DataFrame, Kafka out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - the name that every Spark programmer knows
from pyspark.sql.streaming.query import StreamingQuery

from logpipeline.api import LogPipeline
from logpipeline.api.source import Source
from logpipeline.kernel.watermark import Policy
from logpipeline.rules import Rule
from logpipeline_spark import windowing
from logpipeline_spark.counting import COUNTED, counter
from logpipeline_spark.messages import client_options, messages
from logpipeline_spark.room import room_of
from logpipeline_spark.windowing import COUNTS, OUTCOME, STATE, windower

OBSERVED = "goal"
RESULT_COLUMNS = ("key", "value", "kind")


@dataclass(frozen=True)
class Topics:
    """The topics of one goal. `invalid` is None for a goal that leaves the invalid records to another."""

    raw: str
    result: str
    invalid: str | None


def goal_results(
    records: DataFrame, rule: Rule, source: Source, topics: Topics, *, shards: int, partitions: int, room: int
) -> DataFrame:
    """Return the messages of a goal: `kind` (result or invalid), `key` and `value`.

    `records` has `value` (binary), `partition`, `offset` and `arrival_ms`; a pure function of it and of the state in
    the checkpoint. `room` is how many bytes of cells state may hold.
    """
    policy = Policy(
        allowed_lateness_ms=round(source.allowed_lateness.total_seconds() * 1000),
        idle_timeout_ms=round(source.idle_partition_timeout.total_seconds() * 1000),
        partitions=partitions,
    )
    # A backlog has cells of more windows than are open at a time.
    batch_room = 2 * room // records.sparkSession.sparkContext.defaultParallelism
    count = counter(source, rule, shards, room=batch_room, topic=topics.raw, quotes_invalid=topics.invalid is not None)
    outcomes = (
        records.mapInArrow(count, COUNTED)
        .groupBy("shard")
        .applyInPandasWithState(windower(rule, policy, room // shards), OUTCOME, STATE, "append", "NoTimeout")
    )
    observed = outcomes.observe(
        OBSERVED,
        *(F.sum(name).alias(name) for name in COUNTS),
        F.min("watermark").alias("watermark"),
        F.max("arrival_ms").alias("arrival_ms"),
    )
    message = F.explode(F.split("messages", windowing.END_OF_MESSAGE)).alias("message")
    parts = F.split("message", windowing.END_OF_FIELD, 3)
    return (
        observed.where(F.col("messages") != "")
        .select(message)
        .select(
            _unescape(F.element_at(parts, 3)).alias("key"),
            F.element_at(parts, 2).alias("value"),
            F.element_at(parts, 1).alias("kind"),
        )
    )


def start(
    spark: SparkSession,
    pipeline: LogPipeline,
    rule: Rule,
    *,
    topics: Topics,
    kafka: Mapping[str, str],
    checkpoint: str,
    start_from: str,
    partitions: int,
) -> StreamingQuery:
    """Start a goal and return its query.

    `kafka` is Kafka client configuration, `bootstrap.servers` among it; `start_from` (earliest or latest) is where a
    checkpoint begins that is new.
    """
    spec = pipeline.spec
    records = messages(spark, kafka, [topics.raw], start_from=start_from, most=spec.spark.max_records_per_batch)
    outgoing = goal_results(
        records.drop("topic"),
        rule,
        spec.source,
        topics,
        shards=spec.spark.shards,
        partitions=partitions,
        room=room_of(spec.spark),
    )
    target = F.when(F.col("kind") == windowing.INVALID, F.lit(topics.invalid)).otherwise(F.lit(topics.result))
    return (
        outgoing.select(target.alias("topic"), "key", "value")
        .writeStream.format("kafka")
        .queryName(rule.name)
        .options(**client_options(kafka))
        .option("kafka.compression.type", "lz4")
        .option("checkpointLocation", checkpoint)
        .trigger(processingTime=f"{round(spec.spark.trigger.total_seconds() * 1000)} milliseconds")
        .start()
    )


def topics_of(pipeline: LogPipeline, rule: Rule, *, reports_invalid: bool | None = None) -> Topics:
    """Return the topics of a goal. One goal reports the invalid records for all: the first, unless `reports_invalid`
    says of this one whether it does.
    """
    names = {use: topic.name or "" for use, topic in pipeline.topics().items()}
    reports = pipeline.spec.goals[0].name == rule.name if reports_invalid is None else reports_invalid
    return Topics(names["raw"], names[f"goal {rule.name}"], names["invalid"] if reports else None)


def _unescape(key: Column) -> Column:
    ended = F.replace(key, F.lit(windowing.ESCAPED_END), F.lit(windowing.END_OF_MESSAGE))
    return F.replace(ended, F.lit(windowing.ESCAPED_ESCAPE), F.lit(windowing.ESCAPE))
