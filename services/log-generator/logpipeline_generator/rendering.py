"""Columns to bytes: one JSON object a record, and the ways in which a record can be malformed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from logpipeline_generator import vocabulary
from logpipeline_generator.offenders import OFFENDING_HOSTS
from logpipeline_generator.traffic import Columns

# One bytes-formatting operation a record is the fastest that plain Python offers: 0.6 µs, against 1 µs for f-string and
# encode.
_TEMPLATE = (
    b'{"server":"nginx-%d","client_ip":"%d.%d.%d.%d","method":"%b","status":"%b","request_time":"%b",'
    b'"host":"%b","country":"%b","@timestamp":"%d.%06d"}'
)


def _before(field: bytes, record: bytes) -> bytes:
    return record[: record.index(b'"%b":' % field)]


def _with(field: bytes, value: bytes) -> Callable[[bytes], bytes]:
    """A fault that replaces the field's value by the JSON text `value`."""

    def fault(record: bytes) -> bytes:
        start = record.index(b'"%b":' % field) + len(field) + 3
        return record[:start] + value + record[record.index(b'"', start + 1) + 1 :]

    return fault


# Each is invalid by the contract (not an object, no finite @timestamp, far future, status no integer) whatever the
# reader is lenient about.
FAULTS: tuple[Callable[[bytes], bytes], ...] = (
    lambda _: b"",
    lambda record: record[: len(record) // 2],
    lambda record: record[:-1],
    lambda record: record + record,
    lambda record: b"[" + record + b"]",
    lambda record: b'"' + record.replace(b'"', b'\\"') + b'"',
    lambda _: b"null",
    lambda _: b"42",
    lambda _: b"{}",
    lambda _: b'192.0.2.1 - - "GET / HTTP/1.1" 200',
    lambda record: record.replace(b'"server":"', b'"server":"\xff\xfe'),
    lambda record: record.replace(b":", b"\x00:", 1),
    lambda record: _before(b"@timestamp", record)[:-1] + b"}",
    _with(b"@timestamp", b"null"),
    _with(b"@timestamp", b"NaN"),
    _with(b"@timestamp", b'"NaN"'),
    _with(b"@timestamp", b'"yesterday"'),
    _with(b"@timestamp", b'"4102444800.000000"'),
    _with(b"status", b'"abc"'),
    _with(b"status", b'"20.5"'),
)
assert len(FAULTS) == vocabulary.FAULT_KINDS


class Renderer:
    """Writes columns as records; holds the texts that are looked up."""

    def __init__(self, hosts: int) -> None:
        self._hosts = [b"api_%d.example.com" % host for host in range(hosts)]
        self._hosts += [b"offender-%d.example.com" % host for host in range(OFFENDING_HOSTS)]
        self._request_times = [b"%.2f" % (hundredths / 100) for hundredths in range(vocabulary.REQUEST_TIMES)]

    def records(self, columns: Columns, start: int) -> list[bytes]:
        """One JSON text a request, without a newline; the stream starts at `start` (epoch microseconds)."""
        methods, statuses, countries = (
            vocabulary.METHODS.words,
            vocabulary.STATUSES.words,
            vocabulary.COUNTRIES.words,
        )
        hosts, times = self._hosts, self._request_times
        seconds, micros = np.divmod(columns.event + start, 1_000_000)
        address = columns.address
        rows: Any = zip(
            columns.server.tolist(),
            *(((address >> shift) & 255).tolist() for shift in (24, 16, 8, 0)),
            columns.method.tolist(),
            columns.status.tolist(),
            columns.request_time.tolist(),
            columns.host.tolist(),
            columns.country.tolist(),
            seconds.tolist(),
            micros.tolist(),
            strict=True,
        )
        records = [
            _TEMPLATE % (server, a, b, c, d, methods[m], statuses[s], times[t], hosts[h], countries[k], second, micro)
            for server, a, b, c, d, m, s, t, h, k, second, micro in rows
        ]
        for index in np.flatnonzero(columns.fault >= 0).tolist():
            records[index] = FAULTS[columns.fault[index]](records[index])
        return records
