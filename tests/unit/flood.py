"""Sends records of as many clients through a goal's two halves, as a Python worker of Spark's does: prints the peak of
memory and what was counted.

    python tests/unit/flood.py RECORDS [CHARACTERS_OF_A_KEY]
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import orjson
import pandas as pd
import polars as pl
import pyarrow as pa

from logpipeline.api import Goal
from logpipeline.api.resource import Spark
from logpipeline.api.source import Source
from logpipeline.kernel.watermark import Policy
from logpipeline.rules import rule_of
from logpipeline_spark.counting import counter
from logpipeline_spark.room import room_of
from logpipeline_spark.windowing import COUNTS, windower

START = 1_700_000_000
BATCH, TASKS, SHARDS = 1_000_000, 2, 2
ARROW_ROWS, ARROW_BYTES = 100_000, 32 << 20  # of spark.sql.execution.arrow
BUSY = 50  # records of one client in each batch
LONG = 10_000_000  # characters of the key of one record


class State:
    """What Spark's GroupState is to `windower`."""

    exists = False

    def update(self, value: tuple[bytes]) -> None:
        self.exists, self.get = True, value


def record_batches(first: int, last: int, width: int) -> Iterator[pa.RecordBatch]:
    rows = min(ARROW_ROWS, ARROW_BYTES // (width + 100))
    for begin in range(first, last, rows):
        number = pl.Series(range(begin, min(last, begin + rows)))
        client = number.hash(1).cast(pl.String).str.pad_start(width, "x")
        texts = ['{"client_ip":"', client, '","@timestamp":', START + number * 20 // BATCH, "}"]
        lines = pl.select(pl.concat_str(pl.lit(text) for text in texts)).to_series()
        yield batch_of(lines.cast(pl.Binary).to_arrow(compat_level=pl.CompatLevel.oldest()).cast(pa.binary()), begin)


def batch_of(values: pa.Array, offset: int) -> pa.RecordBatch:
    size = len(values)
    columns = {
        "value": values,
        "partition": pa.array([0] * size, pa.int32()),
        "offset": pa.array(range(offset, offset + size), pa.int64()),
        "arrival_ms": pa.array([START * 1000 + offset // 50] * size, pa.int64()),
    }
    return pa.RecordBatch.from_pydict(columns)


def busy(time: int) -> pa.RecordBatch:
    line = orjson.dumps({"client_ip": "busy", "@timestamp": time})
    return batch_of(pa.array([line] * BUSY, pa.binary()), 0)


def long_key() -> pa.RecordBatch:
    line = orjson.dumps({"client_ip": "é" * (LONG // 2), "@timestamp": START})
    return batch_of(pa.array([line], pa.binary()), 0)


def peak_kib() -> int:
    """What this program has had at most. getrusage would say what the process that has started it had, where that is
    more: Linux hands it on (https://man7.org/linux/man-pages/man2/getrusage.2.html).
    """
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0])


def main(records: int, width: int = 20) -> None:
    rule = rule_of(Goal.model_validate({"name": "g", "preset": "client-rate"}))
    room = room_of(Spark())
    count = counter(Source(), rule, SHARDS, room=2 * room // TASKS, topic="raw", quotes_invalid=True)
    window = windower(rule, Policy(5000, 10_000, 1), room // SHARDS)
    states = [State() for _ in range(SHARDS)]
    totals: Counter[str] = Counter()
    longest = state_bytes = 0
    for first in range(0, records, BATCH):
        last = min(records, first + BATCH)
        rows: list[dict[str, Any]] = []
        for task in range(TASKS):
            begin, end = (first + (last - first) * place // TASKS for place in (task, task + 1))
            special = [busy(START + begin * 20 // BATCH), *([long_key()] if begin == 0 else [])]
            rows += [
                row for part in count(chain(special, record_batches(begin, end, width))) for row in part.to_pylist()
            ]
        keys = sorted({row["shard"] for row in rows})
        for state, key in zip(states, keys, strict=True):
            frames = (pd.DataFrame([row]) for row in rows if row["shard"] == key)
            for frame in window((key,), frames, state):  # type: ignore[arg-type]
                totals.update({name: int(frame[name][0]) for name in COUNTS if not name.startswith("state")})
                longest = max([longest, *map(len, frame["messages"][0].split("\x1e"))])
                totals["busy"] += frame["messages"][0].count('"client_ip":"busy"')
            state_bytes = max(state_bytes, len(state.get[0]))
    print(
        orjson.dumps({"peak_mib": peak_kib() >> 10, "longest": longest, "state_bytes": state_bytes, **totals}).decode()
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
