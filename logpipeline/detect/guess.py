"""Lines of a log → the source that reads most of them. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import orjson
import pyarrow as pa

from logpipeline.api.source import COLUMNS, TEXT_COLUMNS, Source, Timestamp, TimestampFormat
from logpipeline.kernel.records import Needed, RecordReader

# What loggers call them: NGINX's and Apache's own variables, ECS, Traefik, Caddy, HAProxy, cloud load balancers.
NAMES: Mapping[str, tuple[str, ...]] = {
    "client_ip": ("client_ip", "remote_addr", "remote_ip", "source.ip", "clientip", "ClientHost", "client.ip",
                  "request.remote_ip", "request.client_ip", "httpRequest.remoteIp", "client", "clientIP", "ip"),
    "request": ("request", "request_line", "RequestLine"),
    "method": ("method", "request_method", "http.request.method", "RequestMethod", "request.method", "verb",
               "httpRequest.requestMethod"),
    "path": ("path", "uri", "request_uri", "url.original", "url.path", "RequestPath", "request.uri", "url",
             "httpRequest.requestUrl"),
    "protocol": ("protocol", "server_protocol", "http.version", "RequestProtocol", "request.proto"),
    "status": ("status", "status_code", "response", "http.response.status_code", "DownstreamStatus", "response_code",
               "httpRequest.status", "code"),
    "bytes": ("bytes", "body_bytes_sent", "bytes_sent", "http.response.body.bytes", "DownstreamContentSize", "size",
              "httpRequest.responseSize"),
    "request_time": ("request_time", "duration", "elapsed", "response_time"),
    "host": ("host", "http_host", "server_name", "url.domain", "RequestHost", "request.host", "vhost"),
    "country": ("country", "geoip_country_code", "source.geo.country_iso_code", "geo.country"),
    "referrer": ("referrer", "http_referer", "referer", "http.request.referrer", "request_Referer"),
    "user_agent": ("user_agent", "http_user_agent", "user_agent.original", "agent", "request_User-Agent"),
    "server": ("server", "hostname", "host.name"),
}  # fmt: skip
_TIMES = ("@timestamp", "timestamp", "time", "ts", "time_iso8601", "time_local", "msec", "StartUTC", "date", "datetime")
_DEPTH = 5


@dataclass(frozen=True)
class Guess:
    """A source, the share of the lines that it reads (0 to 1), and the columns that half of these have."""

    source: Source
    share: float
    columns: tuple[str, ...]


def guess(lines: Sequence[bytes], arrival_ms: int) -> Guess:
    """Return the source that reads most of `lines`, of which there is one at least and which were written by
    `arrival_ms` (epoch); of those that read as many the first, the simplest.
    """
    values = pa.array(lines, pa.binary())
    arrivals = pa.array([arrival_ms] * len(lines), pa.int64())
    none = Needed(frozenset(), frozenset())

    def share(source: Source) -> float:
        invalid = RecordReader(source, none).read(values, arrivals)["invalid"]
        return invalid.null_count() / len(invalid)

    names = _names(list(_objects(lines)))
    best, found = max(((source, share(source)) for source in _candidates(names)), key=lambda one: one[1])
    return Guess(best, found, _columns(best, names))


def _candidates(names: Sequence[str]) -> Iterator[Source]:
    """Yield the sources to try for JSON with these names, and those of the text formats."""
    fields = _fields(names)
    times = [name for name in _TIMES if name in names]
    times += [name for name in names if name not in times and ("time" in name.lower() or "date" in name.lower())]
    for name in times:
        for form in get_args(TimestampFormat):
            yield Source(fields=fields, timestamp=Timestamp(field=name, format=form))
    # Combined first: its lines are those of the common format with something behind them.
    for layout in ("combined", "common"):
        yield Source.model_validate({"format": layout})


def _objects(lines: Sequence[bytes]) -> Iterator[dict[str, Any]]:
    for line in lines:
        try:
            found = orjson.loads(line)
        except orjson.JSONDecodeError:
            continue
        if isinstance(found, dict):
            yield found


def _names(objects: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the names and dotted paths that half of the objects have, the most frequent first."""
    counts = Counter[str]()
    for one in objects:
        counts.update(set(_paths(one, "", _DEPTH)))
    return [name for name, count in counts.most_common() if 2 * count >= len(objects)]


def _paths(one: Mapping[str, Any], prefix: str, depth: int) -> Iterator[str]:
    for name, value in one.items():
        path = f"{prefix}{name}"
        if isinstance(value, dict) and depth:
            yield from _paths(value, f"{path}.", depth - 1)
        elif all(path.split(".")) and len(path) <= 253:
            yield path


def _fields(names: Sequence[str]) -> dict[str, str]:
    """Return which of the record's names stand for our columns, but for those that are called the same."""
    there = set(names)
    found = {column: next((name for name in known if name in there), None) for column, known in NAMES.items()}
    # A request line says what these do.
    if found["request"] is not None:
        for part in ("method", "path", "protocol"):
            if found[part] != part:
                found[part] = None
    return {
        column: name
        for column, name in found.items()
        if (name is not None and name != column) or column == name == "request"
    }


def _columns(source: Source, names: Sequence[str]) -> tuple[str, ...]:
    if source.format != "json":
        return TEXT_COLUMNS[source.format]
    there = {*names, *source.fields}
    if "request" in source.fields:
        there |= {"method", "path", "protocol"}
    return tuple(column for column in COLUMNS if column in there)
