"""Lines of an NCSA access log → columns.

`common` is the format of https://www.w3.org/Daemon/User/Config/Logging.html#common-logfile-format; `combined` adds the
referrer and the user agent (https://httpd.apache.org/docs/2.4/logs.html#combined). What a server appends after them is
left alone.
"""

from __future__ import annotations

import polars as pl
import pyarrow as pa

# Quotes inside a field come escaped from Apache and NGINX, raw from older servers: the request ends where a status and
# a size follow.
_COMMON = r'^(?<client_ip>\S+) \S+ .*?\[(?<time>[^\]]+)\] "(?<request>.*?)" (?<status>\d+) (?<bytes>\d+|-)'
_QUOTED = r'((?:[^"\\]|\\.)*)'
_PATTERNS = {
    "common": _COMMON + r"(?: .*)?$",
    "combined": _COMMON + rf' "(?<referrer>{_QUOTED[1:-1]})" "(?<user_agent>{_QUOTED[1:-1]})"(?: .*)?$',
}
REQUEST = r"^(?<method>\S+)\s+(?<path>.*?)(?:\s+(?<protocol>HTTP/\S*))?\s*$"
REQUEST_PARTS = ("method", "path", "protocol")


def request_parts(request: pl.Expr) -> pl.Expr:
    """Return a struct of method, path and protocol out of a request line; null where it has none (NASA's logs lack
    protocols).
    """
    return request.str.extract_groups(REQUEST)


def read_text(values: pa.Array, layout: str) -> pl.DataFrame:
    """Return a row a line, in order: columns `text:<column>`, `text:time` and `fault` (null for a line of the layout).

    A `-` is an absent value. Bytes that are not UTF-8 become U+FFFD: such lines are real requests, often attacks, and
    count.
    """
    lines = pl.Series("line", _decode(values)).str.strip_chars_end("\r\n")
    fields = lines.str.extract_groups(_PATTERNS[layout]).struct.unnest()
    parts = fields.select(request_parts(pl.col("request")).alias("request")).unnest("request")
    frame = pl.concat([fields.drop("request"), parts], how="horizontal")
    absent = pl.when(pl.all() != "-").then(pl.all())
    return frame.select(
        absent.name.prefix("text:"),
        fault=pl.when(pl.col("time").is_null()).then(pl.lit(f"is not a line of the {layout} log format")),
    )


def _decode(values: pa.Array) -> pa.Array:
    try:
        return values.cast(pa.string())
    except pa.ArrowInvalid:
        return pa.array(
            [None if value is None else value.decode("utf-8", "replace") for value in values.to_pylist()], pa.string()
        )
