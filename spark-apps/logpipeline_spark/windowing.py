"""Second half of a goal, inside Spark's Python workers: a shard's cells meet its state and become results."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import orjson
import polars as pl

from logpipeline.kernel import cells as cells_of
from logpipeline.kernel import shard as shards
from logpipeline.kernel import watermark
from logpipeline.kernel.results import results
from logpipeline.kernel.segments import frame_from_bytes
from logpipeline.kernel.watermark import Clock, Policy
from logpipeline.kernel.windows import END
from logpipeline.rules import Rule
from logpipeline_spark.collection import freeze_modules
from logpipeline_spark.counting import REPORTED

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql.streaming.state import GroupState

STATE = "blob binary"
# Few rows a shard and batch: Spark pads the rows of state and data to one length and takes them through pandas objects,
# so many small rows are slow and one long text is not, as long as it fits in memory several times over. `messages` is
# parted by the JVM.
OUTCOME = (
    "messages string, records long, late long, incomplete long, shortened long, dropped long, invalid long, "
    "results long, state_rows long, state_bytes long, watermark long, arrival_ms long"
)
COUNTS = (*REPORTED, "late", "results", "state_rows", "state_bytes")

# JSON never holds a raw control character, so these part messages and their fields; in a key they are escaped.
END_OF_MESSAGE = "\x1e"
END_OF_FIELD = "\x1f"
ESCAPE, ESCAPED_ESCAPE, ESCAPED_END = "\x1d", "\x1d0", "\x1d1"
RESULT, INVALID = "result", "invalid"
_ROW_CHARACTERS = 2 << 20


def windower(
    rule: Rule, policy: Policy, room: int
) -> Callable[[Any, Iterator[pd.DataFrame], GroupState], Iterator[pd.DataFrame]]:
    """Return the function for `applyInPandasWithState`: a shard's rows of `counting.COUNTED` → rows of `OUTCOME`.

    `room` is how many bytes of cells the shard may hold.
    """

    def window(_key: Any, frames: Iterator[pd.DataFrame], state: GroupState) -> Iterator[pd.DataFrame]:
        import pandas as pd  # noqa: PLC0415 - only workers pay for it

        freeze_modules()
        batch: list[pl.DataFrame] = []
        seen: dict[int, Clock] = {}
        first = END
        counts = dict.fromkeys(COUNTS, 0)
        for frame in frames:
            batch += [frame_from_bytes(bytes(cells)) for cells in frame["cells"]]
            for text in filter(None, frame["invalid"]):
                lines = END_OF_MESSAGE.join(_message(INVALID, _place(line), line) for line in text.split("\n"))
                unknown = {"watermark": None, "arrival_ms": None}
                yield pd.DataFrame([{"messages": lines, **dict.fromkeys(COUNTS, 0), **unknown}])
            for report in map(orjson.loads, frame["report"]):
                for partition, event_ms, arrival_ms in report["clocks"]:
                    clock = Clock(event_ms, arrival_ms)
                    seen[partition] = seen[partition].later(clock) if partition in seen else clock
                first = min(first, report.get("first", END))
                for name in REPORTED:
                    counts[name] += report.get(name, 0)
        shard = shards.from_bytes(state.get[0], rule) if state.exists else shards.new_shard()
        progress = watermark.advance(shard.progress, seen, policy, first)
        moments = {"watermark": progress.watermark, "arrival_ms": max(clock.arrival_ms for clock in seen.values())}
        cells = pl.concat(batch)
        if len(batch) > 1:
            cells = cells_of.merge(cells, rule)
        batch.clear()
        for part, until in shards.parts(shard, cells, progress, rule, room):
            shard, outcome = shards.advance(shard, part, until, rule, room)
            counts["late"] += outcome.late
            counts["dropped"] += outcome.dropped
            messages = (
                _message(RESULT, key, value) for windows in outcome.windows for key, value in results(windows, rule)
            )
            for number, text in _rows(messages):
                yield pd.DataFrame([{"messages": text, **dict.fromkeys(COUNTS, 0), "results": number, **moments}])
        blob = shards.to_bytes(shard)
        state.update((blob,))
        counts |= {"state_rows": shard.height, "state_bytes": len(blob)}
        yield pd.DataFrame([{"messages": "", **counts, **moments}])

    return window


def _rows(messages: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Yield (number of messages, messages joined) of at most `_ROW_CHARACTERS` each, but for a longer message."""
    row: list[str] = []
    size = 0
    for message in messages:
        if row and size + len(message) > _ROW_CHARACTERS:
            yield len(row), END_OF_MESSAGE.join(row)
            row, size = [], 0
        row.append(message)
        size += len(message)
    if row:
        yield len(row), END_OF_MESSAGE.join(row)


def _message(kind: str, key: str, value: str) -> str:
    escaped = key.replace(ESCAPE, ESCAPED_ESCAPE).replace(END_OF_MESSAGE, ESCAPED_END)
    return END_OF_FIELD.join((kind, value, escaped))


def _place(line: str) -> str:
    """Return the key of an invalid record, where it stands: the same record sent again has the same key."""
    record = orjson.loads(line)
    return f"{record['topic']}+{record['partition']}+{record['offset']}"
