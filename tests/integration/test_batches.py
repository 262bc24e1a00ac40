"""How far a batch is, as Spark itself reports it while the batch runs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from logpipeline_spark.batches import Batches
from logpipeline_spark.placement import InProcess, heap
from logpipeline_spark.session import session

SECONDS = 120


def slow(batches: Iterator[Any]) -> Iterator[Any]:
    for batch in batches:
        time.sleep(1.5)
        yield batch


def test_a_batch_of_several_tasks_is_seen_to_advance_before_it_ends(tmp_path: Path) -> None:
    spark = session("test", shards=1, placement=InProcess(1, heap(1 << 30)), checkpoints=str(tmp_path))
    try:
        # Ten tasks, one after the other, of 1.5 s each.
        source = spark.readStream.format("rate-micro-batch").option("rowsPerBatch", 10_000)
        records = source.option("numPartitions", 10).load().mapInArrow(slow, "timestamp timestamp, value long")
        query = records.writeStream.format("noop").option("checkpointLocation", str(tmp_path / "slow")).start()
        batches, seen = Batches(spark), []
        deadline = time.monotonic() + SECONDS
        while len(set(seen)) < 4 and query.lastProgress is None and time.monotonic() < deadline:
            assert query.exception() is None
            if work := batches.work(query):
                seen.append(work)
            time.sleep(0.5)
        assert query.lastProgress is None, "the batch has ended"
        assert len(set(seen)) >= 4, seen
        query.stop()
        # Spark notes the end of a job in a thread of its own, a moment later.
        while batches.work(query) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert batches.work(query) == ()
    finally:
        spark.stop()
