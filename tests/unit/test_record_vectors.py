"""Raw record → fields, or of what kind its fault is: the vectors that the sink's reader is held to as well."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from logpipeline.api import Goal
from logpipeline.api.source import Source
from logpipeline.kernel.records import RecordReader, needed
from logpipeline.rules import rule_of

VECTORS = json.loads((Path(__file__).parents[1] / "data" / "record_vectors.json").read_text())
TEXTS = ("client_ip", "method", "path", "protocol", "referrer", "user_agent", "status")
FAULTS = {
    "line": "is not a line of the {format} log format",
    "time": "time: no finite timestamp",
    "json": "is not valid JSON",
    "object": "is not a JSON object",
}
ORDINARY = {
    "json": b'{"@timestamp":7,"time":"2024-05-01T10:00:10Z","client_ip":"192.0.2.9"}',
    "common": b'192.0.2.9 - - [01/May/2024:12:00:00 +0000] "GET / HTTP/1.1" 200 5',
    "combined": b'192.0.2.9 - - [01/May/2024:12:00:00 +0000] "GET / HTTP/1.1" 200 5 "-" "y"',
}


def text(written: str | list[Any]) -> str:
    """Return a text that is written in parts, some of them as [text, times]."""
    if isinstance(written, str):
        return written
    return "".join(part if isinstance(part, str) else part[0] * part[1] for part in written)


def reader(vector: dict[str, Any]) -> RecordReader:
    goal = {
        "name": "a",
        "groupBy": list(TEXTS),
        "window": {"size": "1s"},
        "aggregate": {"sum": {"field": "bytes"}},
    }
    source = Source.model_validate({"format": vector["format"], **vector.get("source", {})})
    return RecordReader(source, needed([rule_of(Goal.model_validate(goal))]))


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
def test_a_record_alone_and_amid_ordinary_ones(vector: dict[str, Any]) -> None:
    line = text(vector["line"]).encode("latin-1")
    company = [ORDINARY[vector["format"]]] * 5
    for values in ([line], [*company, line, *company]):
        arrivals = pa.array([1_800_000_000_000] * len(values))
        row = reader(vector).read(pa.array(values, pa.binary()), arrivals).to_dicts()[len(values) // 2]
        if "invalid" in vector:
            assert row["invalid"] == FAULTS[vector["invalid"]].format(**vector)
            continue
        expected = {
            name: value if name in ("bytes", "status", "time") else text(value)
            for name, value in vector["fields"].items()
        }
        found = {name: row[f"text:{name}"] for name in TEXTS}
        found["status"] = None if found["status"] is None else int(found["status"])
        found |= {"bytes": row["number:bytes"], "time": None if row["event_ms"] is None else row["event_ms"] / 1000}
        assert row["invalid"] is None
        assert {name: value for name, value in found.items() if value is not None} == expected
