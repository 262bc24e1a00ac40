"""Rows of the lake: every record is one, with the columns that the goals count, whatever it holds."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pytest

from logpipeline.api.goal import Goal
from logpipeline.api.source import Source
from logpipeline.kernel.columns import INVALID_STATUS, SCHEMA, RowReader
from logpipeline.lake.settings import other_fields
from logpipeline.rules import rule_of

KAFKA_MS = 1_714_564_800_123
EVENT = 1_714_564_799
COMBINED = '192.0.2.1 - - [01/May/2024:11:59:59 +0000] "GET /a HTTP/1.1" 404 12 "-" "curl/8"'


def read(source: dict[str, Any], *lines: bytes, fields: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    batch = pa.RecordBatch.from_pydict(
        {
            "value": pa.array(lines, pa.binary()),
            "topic": pa.array(["web.raw"] * len(lines)),
            "partition": pa.array([1] * len(lines), pa.int32()),
            "offset": pa.array(range(len(lines)), pa.int64()),
            "arrival_ms": pa.array([KAFKA_MS] * len(lines), pa.int64()),
        }
    )
    rows = RowReader(Source.model_validate(source), fields).read(batch)
    assert rows.schema == SCHEMA
    return list(rows.to_pylist())


def test_a_record_has_its_columns_its_line_and_its_place() -> None:
    (row,) = read({"format": "combined"}, COMBINED.encode())
    known = {name: value for name, value in row.items() if value is not None}
    assert known == {
        "event_time": datetime.fromtimestamp(EVENT, UTC),
        "client_ip": "192.0.2.1",
        "method": "GET",
        "path": "/a",
        "protocol": "HTTP/1.1",
        "status": 404,
        "bytes": 12,
        "user_agent": "curl/8",
        "fields": [],
        "line": COMBINED,
        "topic": "web.raw",
        "partition": 1,
        "offset": 0,
        "kafka_time": datetime.fromtimestamp(KAFKA_MS / 1000, UTC),
        "date": date(2024, 5, 1),
        "hour": 11,
    }


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"no record", {"status": INVALID_STATUS, "hour": 12, "event_time": None, "line": "no record"}),
        (b"\xff no record", {"line": "\ufffd no record", "line_bytes": b"\xff no record"}),
        (b"", {"status": INVALID_STATUS, "line": ""}),
        (
            COMBINED.encode().replace(b"/a", b"/\xff"),
            {"status": 404, "path": "/\ufffd", "line_bytes": COMBINED.encode().replace(b"/a", b"/\xff")},
        ),
        (COMBINED.replace("12", "-").encode(), {"bytes": None, "status": 404}),
    ],
)
def test_a_line_that_is_no_record_or_no_text_is_a_row_too(line: bytes, expected: dict[str, Any]) -> None:
    (row,) = read({"format": "combined"}, line)
    assert {name: row[name] for name in expected} == expected
    assert (row["invalid"] is None) == (row["status"] != INVALID_STATUS)


def test_json_records_keep_the_fields_that_goals_use() -> None:
    goals = [{"name": "a", "groupBy": ["tenant", "client_ip"], "window": {"size": "1m"}}]
    goals += [{"name": "b", "groupBy": ["host"], "window": {"size": "1m"}, "aggregate": {"sum": {"field": "size"}}}]
    fields = other_fields(rule_of(Goal.model_validate(goal)) for goal in goals)
    assert fields == ["size", "tenant"]
    records = [
        {"@timestamp": EVENT + 0.5, "tenant": "x", "size": 3, "bytes": 2.0**70, "request_time": 0.25, "status": "200"},
        {"@timestamp": EVENT, "tenant": None, "bytes": "7"},
        {"@timestamp": EVENT, "status": "many"},
    ]
    first, second, third = read({}, *(json.dumps(record).encode() for record in records), fields=tuple(fields))
    assert first["fields"] == [("size", "3"), ("tenant", "x")]
    assert first["event_time"] == datetime.fromtimestamp(EVENT + 0.5, UTC)
    assert (first["bytes"], first["request_time"], first["status"]) == (None, 0.25, 200)
    assert (second["fields"], second["status"]) == ([], None)
    assert (third["status"], third["invalid"], third["hour"]) == (INVALID_STATUS, "status: not an integer", 12)


def test_no_record_at_all() -> None:
    assert read({}) == []
