"""The application of a goal: `python -m logpipeline_spark.goal --pipeline FILE --goal NAME …`."""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import signal
import threading
from pathlib import Path

import click
from py4j.protocol import Py4JJavaError
from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from logpipeline.api import LogPipeline, load_accepted
from logpipeline.rules import Rule, chosen_rules, state_folder, state_identity
from logpipeline_spark import container, kafka, s3, stream
from logpipeline_spark.batches import Batches
from logpipeline_spark.checkpoint import Checkpoint
from logpipeline_spark.failures import CheckpointError, java_text
from logpipeline_spark.health import stall_limit
from logpipeline_spark.host import JVM_GONE, Host
from logpipeline_spark.leftovers import remove_leftovers
from logpipeline_spark.metrics import BoardCollector
from logpipeline_spark.placement import InProcess, Placement, executor_pods, heap, memory_of, workers
from logpipeline_spark.progress import Board, Goal
from logpipeline_spark.serving import serve
from logpipeline_spark.session import session


@click.command(context_settings={"show_default": True, "max_content_width": 110})
@click.option(
    "--pipeline", "path", required=True, type=click.Path(path_type=Path), help="The LogPipeline resource (YAML)."
)
@click.option(
    "--goal", "names", multiple=True, help="Goal to run; may be given several times. Absent: all, in one JVM."
)
@click.option("--bootstrap-servers", default="127.0.0.1:9092", help="Kafka, host:port with commas between.")
@click.option(
    "--kafka-secret",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder of the Secret that spec.kafka.external.security names, a file a key.",
)
@click.option(
    "--checkpoints",
    default="checkpoints",
    help="Folder or Hadoop URI; each goal keeps its state in a folder of its name and stateVersion.",
)
@click.option(
    "--checkpoint-secret",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder of the Secret that spec.spark.checkpoint.secretRef names, a file a key.",
)
@click.option(
    "--report-invalid/--no-report-invalid",
    "reports_invalid",
    default=None,
    help="Whether these goals write the invalid records to their topic; one goal does for all.  [default: the first]",
)
@click.option(
    "--executors", type=click.IntRange(0), default=0, help="Executor pods to start; 0: the work is done in here."
)
@click.option("--executor-image", help="Image of the executor pods: this one's.")
@click.option(
    "--executor-template",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Pod (YAML) that the executors are made of; it mounts what this one does.",
)
@click.option(
    "--executor-secret",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="File with what executors prove themselves by; at the same path in their pods.",
)
@click.option("--metrics-port", type=int, default=9405, help="Port of /metrics, /progress, /healthz and /readyz.")
@click.option("--metrics-address", default="127.0.0.1", help="Address that --metrics-port listens on.")
def main(
    path: Path,
    names: tuple[str, ...],
    bootstrap_servers: str,
    kafka_secret: Path | None,
    checkpoints: str,
    checkpoint_secret: Path | None,
    reports_invalid: bool | None,
    executors: int,
    executor_image: str | None,
    executor_template: Path | None,
    executor_secret: Path | None,
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
    pipeline = load_accepted(path)
    rules = chosen_rules(pipeline, names)
    external = pipeline.spec.kafka.external
    settings = kafka.client_settings(external.security if external else None, bootstrap_servers, kafka_secret)
    placement = _placement(pipeline, len(rules), executors, executor_image, executor_template, executor_secret)
    board = Board(pipeline.name, {rule.name: Goal() for rule in rules})
    limit = stall_limit(pipeline.spec.spark.trigger)
    server = serve(board, BoardCollector(board), metrics_address, metrics_port, stall_limit=limit)
    spec = pipeline.spec.spark
    spark = session(
        f"{pipeline.name} goals", shards=spec.shards, placement=placement, checkpoints=checkpoints, conf=spec.conf
    )
    spark.streams.addListener(board)
    try:
        if checkpoint_secret is not None:
            s3.configure(spark, checkpoint_secret, "spec.spark.checkpoint.secretRef")
        topic = stream.topics_of(pipeline, rules[0]).raw
        partitions = kafka.partition_count(spark, settings, topic, stop, board.waiting)
        board.waiting(None)
        start = functools.partial(
            _start,
            spark,
            pipeline,
            board,
            kafka=settings,
            checkpoints=checkpoints,
            reports_invalid=reports_invalid,
            partitions=partitions,
        )
        starts = {rule.name: functools.partial(start, rule) for rule in rules}
        Host(starts, board, Batches(spark).work).run(stop)
    finally:
        server.close()
        with contextlib.suppress(*JVM_GONE):  # the JVM may have ended first, see Host
            spark.stop()


def _placement(
    pipeline: LogPipeline, goals: int, executors: int, image: str | None, template: Path | None, secret: Path | None
) -> Placement:
    spec = pipeline.spec
    memory = memory_of(container.memory_limit(), spec.spark.resources, goals)
    if executors:
        pods = executor_pods(
            executors, image, template, secret, os.environ, memory=memory, resources=spec.spark.executor_resources
        )
        remove_leftovers(pods)
        return pods
    # More tasks at a time than partitions or shards there are none.
    most = max(spec.source.topic.partitions, spec.spark.shards)
    if memory is not None:
        most = min(most, workers(memory))
    return InProcess(min(container.cores(), most), None if memory is None else heap(memory))


def _start(
    spark: SparkSession,
    pipeline: LogPipeline,
    board: Board,
    rule: Rule,
    *,
    kafka: dict[str, str],
    checkpoints: str,
    reports_invalid: bool | None,
    partitions: int,
) -> StreamingQuery:
    goal = next(goal for goal in pipeline.spec.goals if goal.name == rule.name)
    identity = state_identity(pipeline, rule)
    try:
        checkpoint = Checkpoint(spark, f"{checkpoints.rstrip('/')}/{state_folder(goal)}")
        checkpoint.claim(rule.name, identity)
        committed = checkpoint.committed()
    except Py4JJavaError as error:
        raise CheckpointError(java_text(error)) from error
    board.note(rule.name, rule=identity, checkpoint=checkpoint.folder, state_version=goal.state_version)
    if committed is not None:
        board.resumes(rule.name, committed)
    return stream.start(
        spark,
        pipeline,
        rule,
        topics=stream.topics_of(pipeline, rule, reports_invalid=reports_invalid),
        kafka=kafka,
        checkpoint=checkpoint.folder,
        start_from=goal.start_from,
        partitions=partitions,
    )


if __name__ == "__main__":
    main()
