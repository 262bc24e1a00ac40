"""Whatever stands in a record: it is read, it is valid or has a reason, and company changes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from unittest.mock import patch

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from logpipeline.api.source import Source
from logpipeline.kernel.json_lines import JsonLines
from logpipeline.kernel.records import RecordReader, needed
from test_kernel_records import all_fields

NOW_MS = 1_659_509_511_000
FIELDS = ("@timestamp", "client_ip", "status", "request_time", "host", "log.level", "a", "")
# What no encoder of ours writes.
LITERALS = [
    *(b"1e400", b"-1e999", b"1e-400", b"1E5", b"1e+2", b"01", b"1.", b".5", b"+1", b"0x1", b"--1", b"1_000", b"1.0", b"-0"),
    *(b"1" + b"0" * 400, b"10e308", b"-10e308", b"123456789012345678901234567890", b"9223372036854775808", b"NaN", b"-Infinity", b"nan", b"nul", b"True", b"'a'"),
    *(b'"\xff"', b'"\xed\xa0\x80"', b'"\\ud800"', b'"\\ud83d\\ude00"', b'"\\u0000"', b'"\x00"', b'"\t"', b'"\\x41"', b'"a'),
    *(b'{"a":1,"a":2}', b"[", b"{}{}", b"", b'1, "status": 404', b"/* */ 1"),
]  # fmt: skip

numbers = st.one_of(
    st.integers(), st.floats(), st.integers(1, 4_000_000_000), st.sampled_from([-0.0, 1e400, 2**53 + 1, 2**63, 2**64])
)
scalars = st.one_of(
    st.none(), st.booleans(), numbers, numbers.map(str), st.text(max_size=12), st.sampled_from(["200", "-"])
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)
plain = st.fixed_dictionaries(
    {
        "@timestamp": st.integers(1, 1_659_509_511).map(float),
        "client_ip": st.text(max_size=8),
        "status": st.integers(100, 599),
    },
    optional={"request_time": st.floats(0, 9), "host": st.text(max_size=8)},
)
documents = st.one_of(plain, st.dictionaries(st.sampled_from(FIELDS), values, max_size=6), values)


@st.composite
def written(draw: st.DrawFn) -> bytes:
    """A document as JSON, some of them with bytes changed."""
    ascii_only = draw(st.booleans())
    between = draw(st.sampled_from([(",", ":"), (", ", ": "), (" ,\t", "\n:\r")]))
    # Surrogates that stand alone cannot be written as UTF-8: those stay escaped.
    text = json.dumps(draw(documents), ensure_ascii=ascii_only, separators=between).encode("utf-8", "surrogatepass")
    if draw(st.integers(0, 4)) == 0:
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(st.binary(max_size=3)) + text[at + draw(st.integers(0, 3)) :]
    return text


wild = st.lists(st.one_of(written(), plain.map(json.dumps).map(str.encode), st.binary(max_size=20)), max_size=30)


@st.composite
def alike(draw: st.DrawFn) -> list[bytes]:
    """Documents of the same types, which are read at once, and one among them with an odd value."""
    batch = draw(st.lists(plain, min_size=5, max_size=10))
    batch[draw(st.integers(4, len(batch) - 1))][draw(st.sampled_from(FIELDS))] = draw(st.one_of(numbers, values))
    return [json.dumps(document).encode() for document in batch]


def read(batch: list[bytes]) -> pl.DataFrame:
    reader = RecordReader(Source(), needed(all_fields()))
    return reader.read(pa.array(batch, pa.binary()), pa.array([NOW_MS] * len(batch), pa.int64()))


def assert_same_one_by_one(batch: list[bytes]) -> None:
    together = read(batch)
    assert (together["invalid"].is_null() == together["second"].is_not_null()).all()
    with patch.object(JsonLines, "_read_fast", return_value=None):
        one_by_one = [read([line]) for line in batch]
    if one_by_one:
        assert_frame_equal(together, pl.concat(one_by_one), check_exact=True)


@given(st.one_of(wild, alike()))
@settings(max_examples=400, deadline=None, derandomize=True)
def test_any_batch_gives_what_its_records_give_one_by_one(batch: list[bytes]) -> None:
    assert_same_one_by_one(batch)


@pytest.mark.parametrize("literal", LITERALS, ids=lambda literal: repr(literal[:20]))
def test_a_literal_among_values_of_its_fields_type(literal: bytes) -> None:
    ordinary = {
        "@timestamp": 7.5,
        "client_ip": "192.0.2.1",
        "status": 200,
        "request_time": 0.5,
        "host": "h",
        "a": 1,
        "": 1,
    }
    like = json.dumps(ordinary).encode()
    for field in ordinary:
        odd = json.dumps(ordinary | {field: "ODD"}).encode().replace(b'"ODD"', literal)
        assert_same_one_by_one([like, like, like, like, odd, like])


# What a client sends: any bytes, and what a line is made of.
FORGED = [
    *(b'"', b"\\", b" ", b"[", b"]", b"-", b"\xff", b"\xed\xa0\x80", b"\xc3\xa4", b"\x00", b"\x1b[31m", b"\t", b"\x7f"),
    *(b'" 200 5', b'" 200 5 "-" "x"', b"[01/May/2024:12:00:00 +0000]", b'] "GET / HTTP/1.1" 200 5', b'"status":200,'),
]
sent = st.lists(st.one_of(st.sampled_from(FORGED), st.binary(max_size=3)), max_size=8).map(b"".join)
ESCAPES = {8: b"\\b", 9: b"\\t", 10: b"\\n", 11: b"\\v", 13: b"\\r", 34: b'\\"', 92: b"\\\\"}
SERVER = b'192.0.2.1 - %b [03/Aug/2022:06:51:51 +0000] "%b" 401 9'


def is_plain(byte: int) -> bool:
    return 32 <= byte < 127 and byte not in b'"\\'


def by_apache(text: bytes) -> bytes:
    """As ap_escape_logitem() writes it."""
    return b"".join(bytes([one]) if is_plain(one) else ESCAPES.get(one, b"\\x%02x" % one) for one in text)


def by_nginx(text: bytes) -> bytes:
    """As escape=default writes it."""
    return b"".join(bytes([one]) if is_plain(one) else b"\\x%02X" % one for one in text)


def by_older_servers(text: bytes) -> bytes:
    """Quotes and backslashes escaped, everything else but a line break as it came."""
    return b"".join(b"\\%c" % one if one in b'"\\' else bytes([one]) for one in text.replace(b"\n", b""))


def in_json(text: bytes) -> bytes:
    """As a logger that takes bytes for text writes a string."""
    return b"".join(b"\\u%04x" % one if one < 32 or one in b'"\\' else bytes([one]) for one in text)


@given(
    st.sampled_from(["common", "combined"]),
    st.sampled_from([by_apache, by_nginx, by_older_servers]),
    st.tuples(sent, sent, sent, sent),
)
@settings(max_examples=200, deadline=None, derandomize=True)
def test_nothing_that_a_client_sends_decides_what_a_line_counts_as(
    layout: str, escape: Callable[[bytes], bytes], fields: tuple[bytes, ...]
) -> None:
    user, request, referrer, agent = map(escape, fields)
    nobody = b'""' if escape is by_apache else b"-"
    line = SERVER % (user or nobody, request) + (b' "%b" "%b"' % (referrer, agent) if layout == "combined" else b"")
    ordinary = SERVER % (b"-", b"GET / HTTP/1.1") + (b' "-" "x"' if layout == "combined" else b"")
    reader = RecordReader(Source.model_validate({"format": layout}), needed(all_fields()))
    frame = reader.read(pa.array([ordinary, line, ordinary], pa.binary()), pa.array([NOW_MS] * 3, pa.int64()))
    assert frame.select("invalid", "second", "text:client_ip", "text:status").unique().rows() == [
        (None, NOW_MS // 1000, "192.0.2.1", "401")
    ]


@given(st.lists(st.one_of(sent.map(in_json), st.sampled_from([b"\\ud800", b"\\uDCFF", b"\\\\"])), max_size=6))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_nothing_that_a_client_sends_decides_what_a_document_counts_as(parts: list[bytes]) -> None:
    text = b"".join(parts)
    document = b'{"@timestamp":7,"status":401,"%b":"%b","client_ip":"192.0.2.1"}'
    batch = [document % (name, text) for name in (b"host", b"user_agent")]
    frame = read([document % (b"host", b"h"), *batch])
    assert frame.select("invalid", "second", "text:client_ip", "text:status").unique().rows() == [
        (None, 7, "192.0.2.1", "401")
    ]
    assert_same_one_by_one(batch)
