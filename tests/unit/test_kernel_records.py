"""One raw record → valid or invalid, with which columns; the same alone and amid a thousand ordinary ones."""

from __future__ import annotations

from typing import Any

import polars as pl
import pyarrow as pa
import pytest

from logpipeline.api import Goal
from logpipeline.api.source import Source
from logpipeline.kernel import cells
from logpipeline.kernel.json_lines import JsonLines
from logpipeline.kernel.records import RecordReader, needed
from logpipeline.rules import Rule, rule_of

ARRIVAL_MS = 1_700_000_000_000
ORDINARY = b'{"client_ip":"192.0.2.1","host":"h","status":"200","request_time":"0.5","@timestamp":"1659509511.865323"}'
ORDINARY_NUMBERS = (
    b'{"client_ip":"192.0.2.1","host":"h","status":200,"request_time":0.5,"@timestamp":1659509511.865323}'
)
INVALID_STATUS = "status: not an integer"
NO_TIME = "@timestamp: no finite timestamp"
NOT_JSON = "is not valid JSON"
FUTURE = "@timestamp: more than 600 s ahead of the Kafka timestamp (source.maxFutureSkew)"

# Raw bytes → the reason, or (client_ip, host, status, request_time, second).
JSON: dict[str, tuple[bytes, Any]] = {
    "numbers as strings": (ORDINARY, ("192.0.2.1", "h", 200, 0.5, 1659509511)),
    "numbers as numbers": (b'{"client_ip":"a","host":"h","status":404,"request_time":0.5,"@timestamp":1.5}', ("a", "h", 404, 0.5, 1)),
    "spaces after colons": (b'{ "client_ip" : "a" , "host": "h", "status":  200,\t"@timestamp": 7 }', ("a", "h", 200, None, 7)),
    "IPv6": (b'{"client_ip":"2001:db8::1","@timestamp":7}', ("2001:db8::1", None, None, None, 7)),
    "escapes and unicode": (b'{"client_ip":"\\u00e9\\n\\"|","host":"\xd8\xaa","@timestamp":7}', ('é\n"|', "ت", None, None, 7)),
    "duplicate keys: the last": (b'{"client_ip":"a","client_ip":"b","@timestamp":1,"@timestamp":7}', ("b", None, None, None, 7)),
    "fields missing": (b'{"@timestamp":7}', (None, None, None, None, 7)),
    "fields null": (b'{"client_ip":null,"status":null,"request_time":null,"@timestamp":7}', (None, None, None, None, 7)),
    "a number as key": (b'{"client_ip":5,"host":5.0,"@timestamp":7}', ("5", "5", None, None, 7)),
    "a nested key": (b'{"client_ip":{"a":[1]},"host":true,"@timestamp":7}', ('{"a":[1]}', "true", None, None, 7)),
    "nested beside": (b'{"client_ip":"a","x":{"y":[{"z":null}]},"@timestamp":7}', ("a", None, None, None, 7)),
    "empty key": (b'{"client_ip":"","@timestamp":7}', ("", None, None, None, 7)),
    "line break inside": (b'{"client_ip":\n"a",\r\n"@timestamp":7}', ("a", None, None, None, 7)),
    "status 200.0": (b'{"status":200.0,"@timestamp":7}', (None, None, 200, None, 7)),
    "status abc": (b'{"status":"abc","@timestamp":7}', INVALID_STATUS),
    "status with a fraction": (b'{"status":200.5,"@timestamp":7}', INVALID_STATUS),
    "status as text with a fraction": (b'{"status":"200.0","@timestamp":7}', INVALID_STATUS),
    "status empty": (b'{"status":"","@timestamp":7}', INVALID_STATUS),
    "status nested": (b'{"status":[200],"@timestamp":7}', INVALID_STATUS),
    "request_time no number": (b'{"request_time":"-","@timestamp":7}', (None, None, None, None, 7)),
    "request_time NaN as text": (b'{"request_time":"NaN","client_ip":"a","@timestamp":7}', ("a", None, None, float("nan"), 7)),
    "timestamp missing": (b'{"client_ip":"a"}', NO_TIME),
    "timestamp null": (b'{"@timestamp":null}', NO_TIME),
    "timestamp empty": (b'{"@timestamp":""}', NO_TIME),
    "timestamp a date": (b'{"@timestamp":"2022-08-03T06:51:51Z"}', NO_TIME),
    "timestamp NaN as text": (b'{"@timestamp":"NaN"}', NO_TIME),
    "timestamp infinite": (b'{"@timestamp":"1e400"}', NO_TIME),
    "timestamp nested": (b'{"@timestamp":{"a":1}}', NO_TIME),
    "timestamp NaN": (b'{"@timestamp":NaN}', NOT_JSON),
    "NaN elsewhere": (b'{"x":NaN,"@timestamp":7}', NOT_JSON),
    "timestamp negative": (b'{"@timestamp":-0.5}', (None, None, None, None, -1)),
    "timestamp fractional": (b'{"@timestamp":"59.999999"}', (None, None, None, None, 59)),
    "timestamp with an exponent": (b'{"@timestamp":1.5e3}', (None, None, None, None, 1500)),
    "far past": (b'{"@timestamp":-60000000000}', (None, None, None, None, -60000000000)),
    "before year 1": (b'{"@timestamp":-70000000000}', "@timestamp: not within the years 1 to 9999"),
    "just within the skew": (b'{"@timestamp":1700000600}', (None, None, None, None, 1700000600)),
    "beyond the skew": (b'{"@timestamp":1700000600.5}', FUTURE),
    "far future": (b'{"@timestamp":99999999999}', FUTURE),
    "milliseconds for seconds": (b'{"@timestamp":1700000000000}', "@timestamp: not within the years 1 to 9999"),
    "not JSON": (b"hello", NOT_JSON),
    "cut off": (b'{"client_ip":"a","@timest', NOT_JSON),
    "two documents": (b'{"@timestamp":7}{"@timestamp":8}', NOT_JSON),
    "two documents, one a line": (b'{"@timestamp":7}\n{"@timestamp":8}', NOT_JSON),
    "an array": (b'[{"@timestamp":7}]', "is not a JSON object"),
    "a number": (b"7", "is not a JSON object"),
    "null": (b"null", "is not a JSON object"),
    "empty": (b"", NOT_JSON),
    "blank": (b"  ", NOT_JSON),
    "tombstone": (None, NOT_JSON),
    "a key nested deeper than it can be written": (b'{"client_ip":' + b"[" * 300 + b"]" * 300 + b',"@timestamp":7}', (None, None, None, None, 7)),
    "a value beyond a double": (b'{"request_time":10e308,"client_ip":"a","@timestamp":7}', ("a", None, None, float("inf"), 7)),
    "a key beyond a double": (b'{"client_ip":-10e308,"@timestamp":7}', ("-10e308", None, None, None, 7)),
    "status beyond a double": (b'{"status":10e308,"@timestamp":7}', INVALID_STATUS),
    "timestamp beyond a double": (b'{"@timestamp":10e308}', NO_TIME),
    "raw control character": (b'{"client_ip":"a\tb","@timestamp":7}', NOT_JSON),
    "byte order mark": (b'\xef\xbb\xbf{"@timestamp":7}', NOT_JSON),
    "1 MB": (b'{"client_ip":"a","x":"' + b"y" * 1_000_000 + b'","@timestamp":7}', ("a", None, None, None, 7)),
    "1 MB of braces": (b'{"x":' + b"[" * 500_000 + b"]" * 500_000 + b',"@timestamp":7}', NOT_JSON),
}  # fmt: skip


def all_fields() -> list[Rule]:
    by_text = Goal.model_validate({"name": "a", "groupBy": ["client_ip", "host"], "window": {"size": "1s"}})
    by_number = {
        "name": "b",
        "groupBy": ["status"],
        "window": {"size": "1s"},
        "aggregate": {"avg": {"field": "request_time"}},
    }
    return [rule_of(by_text), rule_of(Goal.model_validate(by_number))]


def read(values: list[bytes | None], source: Source | None = None) -> list[dict[str, Any]]:
    frame = RecordReader(source or Source(), needed(all_fields())).read(
        pa.array(values, pa.binary()), pa.array([ARRIVAL_MS] * len(values))
    )
    assert frame.height == len(values)
    return frame.to_dicts()


def columns(row: dict[str, Any]) -> tuple[Any, ...]:
    status = row["text:status"]
    return (
        row["text:client_ip"],
        row["text:host"],
        None if status is None else int(status),
        row["number:request_time"],
        row["second"],
    )


@pytest.mark.parametrize("company", [ORDINARY, ORDINARY_NUMBERS], ids=["strings", "numbers"])
@pytest.mark.parametrize("name", JSON)
def test_json_record(name: str, company: bytes) -> None:
    """Among records of its own types a record is read the fast way, among others the slow way."""
    value, expected = JSON[name]
    (alone,) = read([value])
    amid = read([company] * 1500 + [value] + [company] * 1500)
    for row in (alone, amid[1500]):
        if isinstance(expected, str):
            assert row["invalid"] == expected
            assert row["second"] is None
        else:
            assert row["invalid"] is None
            assert columns(row) == pytest.approx(expected, nan_ok=True)
    assert {columns(row) for row in amid[:1500] + amid[1501:]} == {("192.0.2.1", "h", 200, 0.5, 1659509511)}


def test_all_records_at_once_keep_their_places() -> None:
    rows = read([value for value, _ in JSON.values()])
    for row, (name, (_, expected)) in zip(rows, JSON.items(), strict=True):
        assert (row["invalid"] == expected) if isinstance(expected, str) else row["invalid"] is None, name


@pytest.mark.parametrize(
    "company", [b'{"log":{"level":"info","size":1}}', b'{"log":{"level":0.5}}'], ids=["plain", "odd"]
)
def test_a_name_with_a_dot_is_a_field_or_a_path(company: bytes) -> None:
    lines = [
        (b'{"log.level":"warn","log":{"size":7}}', ("warn", 7)),
        (b'{"log":{"level":"error"},"log.size":"8"}', ("error", 8)),
        (b'{"log.level":null,"log":{"level":"last"}}', ("last", None)),
        (b'{"log.level":"own","log":{"level":"path"}}', ("own", None)),
        (b'{"level":"other"}', (None, None)),
    ]
    values = pa.array([*(line for line, _ in lines), company], pa.binary())
    table = JsonLines({"log.level": {"text"}, "log.size": {"number"}}).read(values)
    assert table.select("text:log.level", "number:log.size").rows()[:-1] == [expected for _, expected in lines]


def test_documents_that_only_together_are_as_many_as_values() -> None:
    """Two halves of a document and two documents in one value: as many as values, and none of them a record."""
    crafted = [b'{"@timestamp":7,"x":[', b'{"a":1}]}', b'{"@timestamp":7}{"@timestamp":8}']
    rows = read([ORDINARY_NUMBERS] * 10 + crafted + [ORDINARY_NUMBERS] * 10)
    assert [row["invalid"] for row in rows] == [None] * 10 + [NOT_JSON] * 3 + [None] * 10


TIMES = {
    ("epoch", "1.25"): 1, ("epoch_millis", "1659509511865"): 1659509511,
    ("clf", "03/Aug/2022:10:21:51 +0330"): 1659509511,
    ("iso8601", "2022-08-03T06:51:51Z"): 1659509511, ("iso8601", "2022-08-03T10:21:51.5+03:30"): 1659509511,
    ("iso8601", "2022-08-03T06:51:51"): 1659509511, ("iso8601", "2022-08-03 06:51:51.9"): 1659509511,
    ("iso8601", "yesterday"): None, ("clf", "1659509511"): None,
}  # fmt: skip


@pytest.mark.parametrize(("layout", "text"), TIMES)
def test_nginx_json_with_names_of_its_own(layout: str, text: str) -> None:
    source = Source.model_validate(
        {
            "fields": {"client_ip": "remote_ip", "status": "response", "request": "request", "host": "http.host"},
            "timestamp": {"field": "time", "format": layout},
        }
    )
    line = f'{{"time": "{text}", "remote_ip": "192.0.2.1", "http": {{"host": "h"}}, "request": "GET /a b HTTP/1.1", "response": 404, "bytes": 5}}'
    goal = {
        "name": "a",
        "groupBy": ["client_ip", "host", "path", "method"],
        "window": {"size": "1s"},
        "aggregate": {"sum": {"field": "bytes"}},
    }
    reader = RecordReader(source, needed([rule_of(Goal.model_validate(goal))]))
    row = reader.read(pa.array([line.encode()] * 3, pa.binary()), pa.array([ARRIVAL_MS] * 3)).to_dicts()[2]
    assert row["second"] == TIMES[layout, text]
    assert row["invalid"] == (None if row["second"] else "time: no finite timestamp")
    assert (row["text:client_ip"], row["text:host"], row["text:path"], row["text:method"]) == (
        "192.0.2.1",
        "h",
        "/a b",
        "GET",
    )
    assert row["number:bytes"] == 5


WHERE: list[tuple[dict[str, Any], list[int]]] = [
    ({"field": "status", "between": [400, 499]}, [400, 499]),
    ({"field": "status", "between": [200, 299]}, [200, 299]),
    ({"field": "status", "greaterThan": 499}, [500]),
    ({"field": "status", "lessThan": 200}, [199]),
    ({"field": "status", "equals": 400}, [400]),
    ({"field": "status", "in": ["399", 500]}, [399, 500]),
    ({"field": "status", "notIn": [199, 200, 299, 300, 399, 400]}, [499, 500]),
    ({"field": "status", "prefix": "4"}, [400, 499]),
]


@pytest.mark.parametrize("as_text", [False, True])
@pytest.mark.parametrize(("condition", "expected"), WHERE)
def test_conditions_at_their_edges(condition: dict[str, Any], expected: list[int], as_text: bool) -> None:
    goal = {"name": "a", "where": [condition], "groupBy": ["status"], "window": {"size": "1s"}}
    rule = rule_of(Goal.model_validate(goal))
    statuses = [199, 200, 299, 300, 399, 400, 499, 500]
    lines = [
        f'{{"@timestamp":7,"status":{f"{chr(34)}{status}{chr(34)}" if as_text else status}}}'.encode()
        for status in statuses
    ]
    frame = RecordReader(Source(), needed([rule])).read(
        pa.array([*lines, b'{"@timestamp":7}'], pa.binary()), pa.array([ARRIVAL_MS] * 9)
    )
    counted, incomplete, _ = cells.count(frame, rule)
    assert sorted(counted["key0"].cast(pl.Int64)) == expected
    assert incomplete == 0  # the record without a status passes no condition, so nothing of it is missing
