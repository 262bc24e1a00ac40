"""Second half of a goal, inside Spark's Python workers: a shard's cells meet its state and become results."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import orjson
import polars as pl

from logpipeline.kernel import shard as shards
from logpipeline.kernel import watermark
from logpipeline.kernel.results import results
from logpipeline.kernel.segments import frame_from_bytes
from logpipeline.kernel.watermark import Clock, Policy
from logpipeline.rules import Rule
from logpipeline_spark.collection import freeze_modules

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql.streaming.state import GroupState

STATE = "blob binary"
# Few rows a shard and batch: Spark pads the rows of state and data to one length and takes them through pandas objects,
# so many small rows are slow and one long text is not, as long as it fits in memory several times over. `messages` is
# parted by the JVM.
OUTCOME = (
    "messages string, records long, late long, incomplete long, invalid long, results long, "
    "state_rows long, state_bytes long, watermark long, arrival_ms long"
)
COUNTS = ("records", "late", "incomplete", "invalid", "results", "state_rows", "state_bytes")

# JSON never holds a raw control character, so these part messages and their fields; in a key they are escaped.
END_OF_MESSAGE = "\x1e"
END_OF_FIELD = "\x1f"
ESCAPE, ESCAPED_ESCAPE, ESCAPED_END = "\x1d", "\x1d0", "\x1d1"
RESULT, INVALID = "result", "invalid"
_ROW_CHARACTERS = 2 << 20


def windower(rule: Rule, policy: Policy) -> Callable[[Any, Iterator[pd.DataFrame], GroupState], Iterator[pd.DataFrame]]:
    """Return the function for `applyInPandasWithState`: a shard's rows of `counting.COUNTED` → rows of `OUTCOME`."""

    def window(_key: Any, frames: Iterator[pd.DataFrame], state: GroupState) -> Iterator[pd.DataFrame]:
        import pandas as pd  # noqa: PLC0415 - only workers pay for it

        freeze_modules()
        batch: list[pl.DataFrame] = []
        seen: dict[int, Clock] = {}
        invalid: list[str] = []
        counts = dict.fromkeys(COUNTS, 0)
        for frame in frames:
            batch += [frame_from_bytes(bytes(cells)) for cells in frame["cells"]]
            invalid += [text for text in frame["invalid"] if text]
            for report in map(orjson.loads, frame["report"]):
                for partition, event_ms, arrival_ms in report["clocks"]:
                    clock = Clock(event_ms, arrival_ms)
                    seen[partition] = seen[partition].later(clock) if partition in seen else clock
                for name in ("records", "incomplete", "invalid"):
                    counts[name] += report.get(name, 0)
        before = shards.from_bytes(state.get[0], rule) if state.exists else shards.new_shard()
        progress = watermark.advance(before.progress, seen, policy)
        after, outcome = shards.advance(before, pl.concat(batch), progress, rule)
        blob = shards.to_bytes(after)
        state.update((blob,))
        counts |= {"late": outcome.late, "state_rows": after.height, "state_bytes": len(blob)}
        moments = {"watermark": progress.watermark, "arrival_ms": max(clock.arrival_ms for clock in seen.values())}
        told = (_message(RESULT, key, value) for windows in outcome.windows for key, value in results(windows, rule))
        quoted = (_message(INVALID, _place(line), line) for text in invalid for line in text.split("\n"))
        rows = _rows(told)
        count, messages = next(rows, (0, ""))
        yield pd.DataFrame([{"messages": messages, **counts, "results": count, **moments}])
        for count, messages in rows:
            yield pd.DataFrame([{"messages": messages, **dict.fromkeys(COUNTS, 0), "results": count, **moments}])
        for _, messages in _rows(quoted):
            yield pd.DataFrame([{"messages": messages, **dict.fromkeys(COUNTS, 0), **moments}])

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
