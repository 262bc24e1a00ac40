"""The application that writes a lake: `python -m logpipeline_spark.lake --settings FILE`."""

from __future__ import annotations

import contextlib
import functools
import logging
import signal
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import click
from pyspark.sql.streaming.query import StreamingQuery

from logpipeline import threads
from logpipeline.lake import place, tables
from logpipeline.lake.settings import LakeSettings
from logpipeline.settings import read_settings
from logpipeline_spark import container, delta, kafka, s3
from logpipeline_spark.batches import Batches
from logpipeline_spark.health import stall_limit
from logpipeline_spark.host import JVM_GONE, Host
from logpipeline_spark.lake_writer import Writer
from logpipeline_spark.maintenance import Maintenance
from logpipeline_spark.metrics import LakeCollector
from logpipeline_spark.pages import Pages
from logpipeline_spark.placement import InProcess
from logpipeline_spark.progress import Board, Table
from logpipeline_spark.serving import serve
from logpipeline_spark.session import session
from logpipeline_spark.status_files import StatusFiles

# A task of a commit writes a file; more of them are more files to compact.
_MOST_TASKS = 2


@click.command(context_settings={"show_default": True, "max_content_width": 110})
@click.option("--settings", "path", required=True, type=click.Path(path_type=Path), help="What to write where (YAML).")
def main(path: Path) -> None:
    """Write the raw records and the results of a pipeline to the Delta tables of its lake, until SIGTERM.

    A table that cannot be written is tried again with backoff. What was written is known by the checkpoint beside the
    table and by the table's own log: a killed process writes each record once.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("py4j").setLevel(logging.WARNING)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    settings = read_settings(path, LakeSettings)
    client = kafka.client_settings(
        settings.kafka.security, settings.kafka.bootstrap_servers, settings.kafka.secret_folder
    )
    board = Board(settings.pipeline, {name: Table() for name in tables.SCHEMAS}, "table")
    pages = Pages(settings.uri)
    server = serve(
        board,
        LakeCollector(board),
        settings.metrics_address,
        settings.metrics_port,
        stall_limit=stall_limit(timedelta(seconds=settings.trigger)),
        folders={"/reports/": pages.reply},
    )
    memory = container.memory_limit()
    # A file of Parquet is built in the heap, 128 MiB and more of it at a time, and Delta holds its log there.
    placement = InProcess(min(container.cores(), _MOST_TASKS), None if memory is None else memory // 2)
    spark = session(
        f"{settings.pipeline} lake",
        shards=_MOST_TASKS,
        placement=placement,
        checkpoints=settings.uri,
        application=delta.SETTINGS,
    )
    spark.streams.addListener(board)
    try:
        if settings.secret_folder is not None:
            s3.configure(spark, settings.secret_folder, place.SECRET_FIELD)
        pages.open(spark)
        partitions = kafka.partition_count(spark, client, settings.raw_topic, stop, board.waiting)
        for goal in settings.results:
            kafka.partition_count(spark, client, goal.topic, stop, board.waiting)
        board.waiting(None)
        maintenance = Maintenance(settings.maintenance, settings.retention.by_name())
        statuses = None
        if settings.retention.statuses is not None:
            statuses = StatusFiles(spark, settings.uri, settings.results)
            maintenance.register(statuses)
        threads.start("maintenance", functools.partial(maintenance.run, stop))
        writer = Writer(spark, settings, client, board, maintenance, partitions, statuses)
        starts: dict[str, Callable[[], StreamingQuery]] = {}
        starts |= {name: functools.partial(writer.start, name) for name in tables.SCHEMAS}
        Host(starts, board, Batches(spark).work).run(stop)
    finally:
        server.close()
        with contextlib.suppress(*JVM_GONE):  # the JVM may have ended first, see Host
            spark.stop()


if __name__ == "__main__":
    main()
