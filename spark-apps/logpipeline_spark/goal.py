"""The application of a goal: `python -m logpipeline_spark.goal --pipeline FILE --goal NAME …`."""

from __future__ import annotations

import contextlib
import functools
import logging
import signal
import threading
from pathlib import Path

import click
from py4j.protocol import Py4JError
from pyspark.sql.streaming.query import StreamingQuery

from logpipeline.api import load
from logpipeline.rules import Rule, chosen_rules
from logpipeline_spark import checkpoint, session, stream
from logpipeline_spark.host import Host
from logpipeline_spark.progress import Board
from logpipeline_spark.serving import serve


@click.command(context_settings={"show_default": True, "max_content_width": 110})
@click.option(
    "--pipeline", "path", required=True, type=click.Path(path_type=Path), help="The LogPipeline resource (YAML)."
)
@click.option(
    "--goal", "names", multiple=True, help="Goal to run; may be given several times. Absent: all, in one JVM."
)
@click.option("--bootstrap-servers", default="127.0.0.1:9092", help="Kafka, host:port with commas between.")
@click.option(
    "--kafka-config", type=click.Path(path_type=Path, exists=True), help="Kafka client properties (security)."
)
@click.option(
    "--checkpoints",
    default="checkpoints",
    help="Folder or Hadoop URI; each goal keeps its state in a folder of its name.",
)
@click.option("--metrics-port", type=int, default=9405, help="Port of /metrics and /progress.")
@click.option("--metrics-address", default="127.0.0.1", help="Address of /metrics and /progress.")
def main(
    path: Path,
    names: tuple[str, ...],
    bootstrap_servers: str,
    kafka_config: Path | None,
    checkpoints: str,
    metrics_port: int,
    metrics_address: str,
) -> None:
    """Run goals of a pipeline as Spark Structured Streaming queries until SIGTERM.

    A goal that fails is started again with backoff. State is kept in the checkpoint: a killed process goes on where it
    was.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("py4j").setLevel(logging.WARNING)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    pipeline = load(path)
    rules = chosen_rules(pipeline, names)
    board = Board(pipeline.name, [rule.name for rule in rules])
    server = serve(board, metrics_address, metrics_port)
    shards = pipeline.spec.spark.shards
    spark = session.session(f"{pipeline.name} goals", shards=shards)
    security = session.read_properties(spark, kafka_config) if kafka_config else {}
    kafka = {**security, "bootstrap.servers": bootstrap_servers}
    topic = stream.topics_of(pipeline, rules[0]).raw
    partitions = session.partition_count(spark, kafka, topic, stop)
    spark.streams.addListener(board)

    def start(rule: Rule) -> StreamingQuery:
        folder = f"{checkpoints.rstrip('/')}/{rule.name}"
        checkpoint.claim(spark, folder, rule, topic=topic, shards=shards)
        return stream.start(spark, pipeline, rule, kafka=kafka, checkpoint=folder, partitions=partitions)

    try:
        Host({rule.name: functools.partial(start, rule) for rule in rules}, board).run(stop)
    finally:
        server.shutdown()
        with contextlib.suppress(Py4JError):  # the JVM may have ended first, see Host
            spark.stop()


if __name__ == "__main__":
    main()
