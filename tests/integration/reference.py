"""What the goals must give, computed by DuckDB from the raw topic: none of our code, the contract in SQL."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from messages import Message

Window = tuple[tuple[str, ...], int]  # key, start in epoch seconds

_RAW = pa.schema([("partition", pa.int32()), ("offset", pa.int64()), ("arrival", pa.float64()), ("value", pa.string())])

_RECORDS = """
with parsed as (
    select partition, "offset", arrival, value,
        case when json_valid(value) and json_type(value) = 'OBJECT' then value end as doc
    from raw
), typed as (
    select *, try_cast(doc->>'$."@timestamp"' as double) as ts, doc->>'$.status' as status_text
    from parsed
)
select partition, "offset", ts, try_cast(floor(ts) as bigint) as second,
    doc->>'$.client_ip' as client_ip, doc->>'$.host' as host, doc->>'$.country' as country, doc->>'$.method' as method,
    doc->>'$.server' as server,
    try_cast(status_text as bigint) as status, try_cast(doc->>'$.request_time' as double) as request_time,
    doc is not null and ts is not null and isfinite(ts) and ts <= arrival + 600
        and (status_text is null or regexp_full_match(status_text, '[+-]?[0-9]+')) as valid
from typed
"""

_AGGREGATES = {
    "count": "count(*)::double",
    "sum": "sum({field})",
    "avg": "avg({field})",
    "min": "min({field})",
    "max": "max({field})",
    "p95": "list_sort(list({field}))[(count(*) * 95 + 99) // 100]",
}


class Reference:
    """The raw topic in DuckDB; it grows with the topic, so that no record is parsed twice."""

    def __init__(self, raw: Iterable[Message] = ()) -> None:
        self._db = duckdb.connect()
        self._ends: dict[int, int] = {}
        self._db.register("raw", _RAW.empty_table())
        self._db.execute(f"create table record as {_RECORDS}")
        self.add(raw)

    def add(self, raw: Iterable[Message]) -> None:
        """Take what is new in `raw`, a topic by partition and offset."""
        new = [one for one in raw if one.offset >= self._ends.get(one.partition, 0)]
        self._ends |= {one.partition: one.offset + 1 for one in new}
        rows = [(one.partition, one.offset, one.timestamp_ms / 1000, _text(one.value)) for one in new]
        columns = {name: [row[place] for row in rows] for place, name in enumerate(_RAW.names)}
        self._db.register("raw", pa.table(columns, schema=_RAW))
        self._db.execute(f"insert into record {_RECORDS}")

    def __len__(self) -> int:
        """How many records it has, valid or not."""
        (count,) = self._db.execute("select count(*) from record").fetchall()[0]
        return int(count)

    def invalid(self) -> set[tuple[int, int]]:
        """Partition and offset of the invalid records."""
        rows = self._db.execute('select partition, "offset" from record where not coalesce(valid, false)').fetchall()
        return {(partition, offset) for partition, offset in rows}

    def watermark(self, lateness: int) -> int:
        """The slowest partition's newest time, less the lateness."""
        rows = self._db.execute("select max(ts) from record where valid group by partition").fetchall()
        return int(min(row[0] for row in rows) - lateness)

    def windows(self, goal: dict[str, Any], ends: Mapping[int, int] | None = None) -> dict[Window, tuple[int, float]]:
        """The count and the value of each window that is a result of the goal (as the resource writes it, sizes in
        seconds), of the records before `ends`, the next offset by partition; without it of all.
        """
        ((aggregate, of),) = goal["aggregate"].items()
        field = of.get("field")
        value = _AGGREGATES[aggregate].format(field=field)
        where = [f"{one['field']} between {one['between'][0]} and {one['between'][1]}" for one in goal.get("where", [])]
        where += [f"{name} is not null" for name in (*goal["groupBy"], *([field] if field else []))]
        if ends is not None:
            read = (f'(partition = {partition} and "offset" < {end})' for partition, end in ends.items())
            where.append(f"({' or '.join(read) or 'false'})")
        keys = ", ".join(goal["groupBy"])
        size, slide = goal["size"], goal["slide"]
        having = [f"value > {goal['having']}"] if "having" in goal else []
        if "previous" in goal:  # of a count or a sum, for which a window without a record is 0
            times, over = goal["previous"]
            same = " and ".join(f"before.{name} = one.{name}" for name in goal["groupBy"])
            having += [
                f"start - {over * size} >= (select min(second) from record where valid)",
                f"""value * {over} > {times} * (select coalesce(sum(value), 0) from windows as before where {same}
                    and before.start in (select one.start - place * {size} from range(1, {over + 1}) as places(place)))""",
            ]
        rows = self._db.execute(f"""
            with windows as (
                select {keys}, floor(second / {slide})::bigint * {slide} - step * {slide} as start, count(*) as n,
                    {value} as value
                from record, range({size // slide}) as steps(step)
                where valid and {" and ".join(where)}
                group by all
            )
            from windows as one where {" and ".join(having or ["true"])}
        """).fetchall()
        return {(tuple(map(str, row[:-3])), row[-3]): (row[-2], row[-1]) for row in rows}


def found(values: Iterable[bytes | None], rule: dict[str, Any]) -> dict[Window, tuple[int, float]]:
    """Results by identity; a duplicate must be the same to the byte."""
    seen: dict[Window, bytes] = {}
    windows = {}
    for value in values:
        result = json.loads(value or b"")
        key = tuple(str(result[field]) for field in rule["groupBy"])
        start, end = (int(datetime.fromisoformat(result[f"window_{edge}"]).timestamp()) for edge in ("start", "end"))
        assert end - start == rule["size"]
        assert seen.setdefault((key, start), value or b"") == value, "a duplicate that differs"
        ((aggregate, of),) = rule["aggregate"].items()
        windows[key, start] = (result["count"], result[f"{aggregate}_{of['field']}" if of else "count"])
    return windows


def assert_live_results(
    reference: Reference, values: Iterable[bytes | None], rule: dict[str, Any], *, early: bool, lateness: int
) -> int:
    """Demand that a live goal that has read everything has written just what it should; returns how many results."""
    expected = reference.windows(rule)
    results = found(values, rule)
    if early:
        assert results.keys() == expected.keys()
        assert {count for count, _ in results.values()} <= {rule["having"] + 1}
        return len(results)
    watermark = reference.watermark(lateness)
    closed = {window: value for window, value in expected.items() if window[1] + rule["size"] <= watermark}
    assert results.keys() == closed.keys()
    for window, (count, value) in closed.items():
        assert results[window] == (count, pytest.approx(value, abs=1e-9)), window
    return len(results)


def _text(value: bytes | None) -> str | None:
    # What is not UTF-8 counts, with U+FFFD in its place.
    text = (value or b"").decode(errors="replace")
    # DuckDB's JSON takes NaN and Infinity for numbers, JSON itself does not.
    try:
        json.loads(text, parse_constant=lambda name: (_ for _ in ()).throw(ValueError(name)))
    except ValueError:
        return None
    return text
