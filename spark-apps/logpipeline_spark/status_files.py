"""Counts by status as plain Parquet, for engines that do not know Delta: a file a window, whose name is the window's.

A file is made of the table `results`, which has each result once, and made again when a batch brings more of its
window: so it is the same whatever was killed on the way.
"""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - the name that every Spark programmer knows

from logpipeline.lake.names import STATUSES
from logpipeline.lake.settings import ResultTopic
from logpipeline_spark.delta import Table
from logpipeline_spark.hadoop import Folder

COLUMNS = pa.schema([("code", pa.int32()), ("count", pa.int64()), ("window_end_ms", pa.int64())])
# The oldest engines read it.
_COMPRESSION = "snappy"
_KEY = "status"


class StatusFiles:
    """The files of the lake at `uri`, of those of `goals` that group by the status alone."""

    name = STATUSES

    def __init__(self, spark: SparkSession, uri: str, goals: Sequence[ResultTopic]) -> None:
        self._spark = spark
        self._uri = uri
        self._goals = [goal.name for goal in goals if goal.group_by == [_KEY]]

    def write(self, rows: DataFrame, results: Table) -> None:
        """Write the files of the windows that `rows` have something of, which the table `results` has by now."""
        if not self._goals:
            return
        end, goal = F.col("window_end"), F.col("goal")
        touched = rows.where(goal.isin(self._goals)).agg(F.min(end), F.max(end), F.min("date"), F.max("date")).first()
        if touched is None or touched[0] is None:
            return
        since, until, first, last = touched
        within = F.col("date").between(first, last) & end.between(since, until) & goal.isin(self._goals)
        code = F.expr(f"try_cast(key['{_KEY}'] AS INT)").alias("code")
        known = results.read().where(within).select("goal", F.unix_millis(end).alias("end"), code, "count").collect()
        windows: defaultdict[tuple[str, int], list[dict[str, Any]]] = defaultdict(list)
        for row in known:
            if row.code is not None:
                windows[row.goal, row.end].append({"code": row.code, "count": row["count"], "window_end_ms": row.end})
        folder = Folder(self._spark, self._uri)
        for (name, moment), counts in windows.items():
            folder.replace(path_of(name, moment), content_of(counts))

    def maintain(self, older_than: float) -> None:
        """Delete the files that were written before `older_than` (epoch seconds)."""
        folder = Folder(self._spark, self._uri)
        for file in folder.files(STATUSES):
            if file.written < older_than:
                folder.delete(f"{STATUSES}/{file.path}")


def path_of(goal: str, end_ms: int) -> str:
    """Return the path of the file of a window, within the lake."""
    return f"{STATUSES}/goal={goal}/{end_ms}.parquet"


def content_of(counts: Sequence[dict[str, Any]]) -> bytes:
    """Return the rows of a window as a Parquet file, the same for the same rows in whatever order."""
    table = pa.Table.from_pylist(sorted(counts, key=lambda row: row["code"]), COLUMNS)
    content = io.BytesIO()
    pq.write_table(table, content, compression=_COMPRESSION)
    return content.getvalue()
