"""The streaming queries of a lake: Kafka in, Delta tables out, each message once."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict

from py4j.protocol import Py4JJavaError
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - the name that every Spark programmer knows
from pyspark.sql.streaming.query import StreamingQuery

from logpipeline.errors import LogPipelineError
from logpipeline.lake.names import TableName, checkpoint
from logpipeline.lake.settings import LakeSettings
from logpipeline.lake.tables import SCHEMAS
from logpipeline_spark.checkpoint import Checkpoint
from logpipeline_spark.delta import Table, schema
from logpipeline_spark.failures import CheckpointError, java_text
from logpipeline_spark.hadoop import Folder
from logpipeline_spark.lake_rows import Rows, raw_rows, result_rows
from logpipeline_spark.maintenance import Maintenance
from logpipeline_spark.messages import messages
from logpipeline_spark.progress import Board
from logpipeline_spark.status_files import StatusFiles

# Of the results a batch is held in memory while those that the table has are left out.
_MOST_RESULTS = 200_000
_GOES_ON = "remove it: the table goes on where its own rows end"
_OWNER = "_lake.json"
_QUERY_ID = "sql.streaming.queryId"


class Writer:
    """Starts the queries of the lake that `settings` describe; `kafka` is Kafka client configuration, `partitions` the
    number of the raw topic's; `statuses` are written beside the table of results.
    """

    def __init__(
        self,
        spark: SparkSession,
        settings: LakeSettings,
        kafka: Mapping[str, str],
        board: Board,
        maintenance: Maintenance,
        partitions: int,
        statuses: StatusFiles | None = None,
    ) -> None:
        self._spark = spark
        self._settings = settings
        self._kafka = kafka
        self._board = board
        self._maintenance = maintenance
        self._partitions = partitions
        self._statuses = statuses

    def start(self, name: TableName) -> StreamingQuery:
        """Start the query of a table, which is created where it is not there; raises CheckpointError when its store
        cannot be used, LogPipelineError when it is another pipeline's.
        """
        settings = self._settings
        place, start_from = checkpoint(settings.uri, name), "earliest"
        try:
            claim(Folder(self._spark, settings.uri), settings.owner, settings.uri)
            table = Table(self._spark, settings.uri, name)
            if (committed := Checkpoint(self._spark, place, _GOES_ON).committed()) is not None:
                self._board.resumes(name, committed)
            elif name == "raw":
                start_from = starting_offsets(table, {settings.raw_topic: self._partitions})
        except Py4JJavaError as error:
            raise CheckpointError(java_text(error)) from error
        self._board.note(name, checkpoint=place)
        self._maintenance.register(table)
        topics, rows, most, write = self._parts(name, table)
        records = messages(self._spark, self._kafka, topics, start_from=start_from, most=most)
        return (
            records.mapInArrow(rows, schema(name))
            .writeStream.foreachBatch(write)
            .queryName(name)
            .option("checkpointLocation", place)
            .trigger(processingTime=f"{round(settings.trigger * 1000)} milliseconds")
            .start()
        )

    def _parts(self, name: TableName, table: Table) -> tuple[list[str], Rows, int, Callable[[DataFrame, int], None]]:
        settings = self._settings
        if name == "raw":
            return [settings.raw_topic], raw_rows(settings), settings.max_records_per_batch, self._appending(table)
        topics = [goal.topic for goal in settings.results]
        return topics, result_rows(settings.results), _MOST_RESULTS, self._appending(table, new_results)

    def _appending(
        self, table: Table, of: Callable[[DataFrame, Table], DataFrame] | None = None
    ) -> Callable[[DataFrame, int], None]:
        def write(rows: DataFrame, batch: int) -> None:
            writer = self._spark.sparkContext.getLocalProperty(_QUERY_ID)
            assert writer is not None
            if of is None:
                table.append(rows, writer, batch)
            else:
                rows.persist()
                try:
                    table.append(of(rows, table), writer, batch)
                    if self._statuses is not None:
                        self._statuses.write(rows, table)
                finally:
                    rows.unpersist()
            self._board.note(table.name, **asdict(table.size()))

        return write


def claim(folder: Folder, owner: str, uri: str) -> None:
    """Note whose lake the folder `uri` holds; raises LogPipelineError when it is another's: a table has one writer."""
    noted = folder.read(_OWNER)
    if not noted:
        folder.write(_OWNER, json.dumps({"owner": owner}))
        return
    other = json.loads(noted).get("owner")
    if other != owner:
        raise LogPipelineError(
            f"the lake at {uri} is that of {other}, and two writers would spoil its tables; name another folder in "
            f"lake.uri, or remove {_OWNER} there when that pipeline is gone"
        )


def starting_offsets(table: Table, partitions: Mapping[str, int]) -> str:
    """Return where a new checkpoint of `table` begins, for Spark's Kafka source: behind the rows that it has, so that a
    checkpoint which was lost costs no row and makes none twice. `partitions` is their number by topic.
    """
    ends = table.ends()
    # -2 is the earliest offset.
    starts = {
        topic: {str(number): ends.get((topic, number), -2) for number in range(count)}
        for topic, count in partitions.items()
    }
    return json.dumps(starts)


def new_results(rows: DataFrame, table: Table) -> DataFrame:
    """Return the windows of `rows` that `table` does not have, each once: a goal that was killed writes its last batch
    again.
    """
    start, date = F.col("window_start"), F.col("date")
    edges = rows.agg(F.min(start), F.max(start), F.min(date), F.max(date)).first()
    assert edges is not None
    since, until, first, last = edges
    known = table.read().where(date.between(first, last) & start.between(since, until)).select("identity")
    fresh = rows.dropDuplicates(["identity"]).join(known, "identity", "left_anti")
    return fresh.select(*SCHEMAS["results"].names)
