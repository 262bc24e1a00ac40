"""How far a batch is while it runs: Spark's listener speaks when it has ended, and the first of a goal may read a long
history.
"""

from __future__ import annotations

from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery

Work = tuple[int, ...]
"""Counts that grow as long as a batch advances; none between two batches."""


class Batches:
    """The batches under way of a session's queries."""

    def __init__(self, spark: SparkSession) -> None:
        context = spark.sparkContext
        self._tracker = context.statusTracker()
        jobs: Any = context._jsc.sc()  # noqa: SLF001 - what Spark's own page of a stage shows has no Python of its own
        self._stages = jobs.statusStore()

    def work(self, query: StreamingQuery) -> Work:
        """Return the job of the query's batch; by stage, its finished tasks and the records that they have read and
        written. In local mode Spark tells nothing of a task before it has ended.
        """
        try:
            ids = self._tracker.getJobIdsForGroup(str(query.runId))
            job = self._tracker.getJobInfo(max(ids)) if ids else None
            if job is None or job.status != "RUNNING":
                return ()
            work = [job.jobId]
            for stage in job.stageIds:
                if (known := self._tracker.getStageInfo(stage)) is not None:
                    counts = self._stages.lastStageAttempt(stage)
                    work += [known.numCompletedTasks, counts.inputRecords()]
                    work += [counts.shuffleReadRecords(), counts.shuffleWriteRecords()]
            return tuple(work)
        except Py4JJavaError:
            # Spark forgets old jobs and stages while it is asked: no sign of life, and no reason to fail.
            return ()
