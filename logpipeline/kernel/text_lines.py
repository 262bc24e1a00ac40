"""Lines of an NCSA access log → columns.

`common` is the format of https://www.w3.org/Daemon/User/Config/Logging.html#common-logfile-format; `combined` adds the
referrer and the user agent (https://httpd.apache.org/docs/2.4/logs.html#combined). What a server appends after them is
left alone.

A client chooses the user's name, the request, the referrer and the agent. Apache and NGINX escape the quotes in them,
so a quote without a backslash is the server's own: the time ends at the first one, the status follows the request's
second one, and nothing that a client sends moves either. AccessLogReader.java reads by the same rules, and
tests/data/record_vectors.json holds both to them.

Some servers and proxies log the client's port with its address: the address alone is the client, else each of its
connections would be one.
"""

from __future__ import annotations

import polars as pl
import pyarrow as pa

from logpipeline.kernel.lenient import texts

_QUOTED = r'(?:[^"\\]|\\.)*'
_HOST = r"(?s)^(?<client_ip>[^ ]+) [^ ]+ "
_NUMBERS = r'" (?<status>[0-9]{1,3}) (?<bytes>[0-9]{1,18}|-)'
_REST = rf'(?: (?:[^"\\]|\\.|"{_QUOTED}")*)?$'
_TAILS = {"common": _REST, "combined": rf' "(?<referrer>{_QUOTED})" "(?<user_agent>{_QUOTED})"{_REST}'}

# Servers that escape nothing: a quote belongs to the request until a status and a size follow it.
_TIME = r'\[(?<time>(?:[0-9]{1,2}/[A-Za-z]{3}/[0-9]{4}:|[0-9]{4}-[0-9]{2}-[0-9]{2}[ T])[^\[\]"]*)\] "'
_RAW_TAILS = {
    "common": r"(?: .*)?$",
    "combined": r' "(?<referrer>.*?)" "(?<user_agent>.*)"(?: [^"]*"?[^"]*)?$',
}
_NEXT = {"common": "(?: |$)", "combined": ' "'}

# An address with a port, or one of IPv6 in brackets (RFC 3986, 3.2.2); one without brackets has no port.
_WITH_PORT = r"^(?:([^:\[\]]+):[0-9]{1,5}|\[([^\[\]]+)\](?::[0-9]{1,5})?)$"

# A method is a token (RFC 9110, 5.6.2); NASA's logs lack protocols.
REQUEST = r"(?s)^(?<method>[!#$%&'*+.^_`|~0-9A-Za-z-]+) +(?<path>.+?)(?: +(?<protocol>HTTP/[^ ]*))? *$"
REQUEST_PARTS = ("method", "path", "protocol")


def _escaped(user: str, layout: str) -> str:
    return rf'{_HOST}{user}\[(?<time>[^\[\]"]+)\] "(?<request>{_QUOTED}){_NUMBERS}{_TAILS[layout]}'


def _raw(layout: str) -> str:
    return rf"{_HOST}.*?{_TIME}(?<request>(?:[^\\]|\\.)*?){_NUMBERS}{_RAW_TAILS[layout]}"


# A line is read by the first pattern that matches it. The second differs from the first, which is much the fastest, in
# what a user's name may hold; Apache writes an empty one as two quotes.
_PATTERNS = {layout: (_escaped(r'[^"\\\[]*', layout), _escaped(rf'(?:"" |{_QUOTED}?)', layout)) for layout in _TAILS}
_RAW_PATTERNS = {layout: _raw(layout) for layout in _TAILS}


def request_parts(request: pl.Expr) -> pl.Expr:
    """Return a struct of method, path and protocol out of a request line; null where it is none."""
    return request.str.extract_groups(REQUEST)


def read_text(values: pa.Array, layout: str) -> pl.DataFrame:
    """Return a row a line, in order: columns `text:<column>`, `text:time` and `fault` (null for a line of the layout).

    A `-` is an absent value. Bytes that are not UTF-8 become U+FFFD: such lines are real requests, often attacks, and
    count.
    """
    lines = pl.Series("line", texts(values)).str.strip_chars_end("\r\n")
    fields = _match(lines, layout).with_columns(
        pl.col("^(request|referrer|user_agent)$").str.replace_all(r'\\(["\\])', "$1"),
        pl.col("client_ip").str.replace(_WITH_PORT, "$1$2"),
    )
    parts = fields.select(request_parts(pl.col("request")).alias("request")).unnest("request")
    frame = pl.concat([fields.drop("request"), parts], how="horizontal")
    absent = pl.when(pl.all() != "-").then(pl.all())
    return frame.select(
        absent.name.prefix("text:"),
        fault=pl.when(pl.col("time").is_null()).then(pl.lit(f"is not a line of the {layout} log format")),
    )


def _match(lines: pl.Series, layout: str) -> pl.DataFrame:
    first, second = _PATTERNS[layout]
    fields = lines.str.extract_groups(first).struct.unnest()
    for read in (lambda some: some.str.extract_groups(second), lambda some: _match_raw(some, layout)):
        open_ = fields["time"].is_null()
        if not open_.any():
            break
        order = pl.concat([(~open_).arg_true(), open_.arg_true()])
        fields = pl.concat([fields.filter(~open_), read(lines.filter(open_)).struct.unnest()])[order.arg_sort()]
    return fields


def _match_raw(lines: pl.Series, layout: str) -> pl.Series:
    """Match lines with quotes that are not escaped, unless these leave open which status is the server's or the line is
    made of two.
    """
    times = lines.str.count_matches(_TIME)
    places = lines.str.count_matches(_NUMBERS + _NEXT[layout])
    return lines.set((times > 1) | (places > 1), None).str.extract_groups(_RAW_PATTERNS[layout])
