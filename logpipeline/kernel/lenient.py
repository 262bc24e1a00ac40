"""What is no text in a record → U+FFFD, one for each maximal part that is not UTF-8 (Unicode, chapter 3.9).

A client chooses the bytes of a path or a user agent, and a server that logs them as they are makes them part of a
record. That must not decide whether the record counts.
"""

from __future__ import annotations

import math
import re

import pyarrow as pa

_HIGH, _LOW = rb"\\u[dD][89abAB][0-9a-fA-F]{2}", rb"\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_ALONE = re.compile(rb"\\u[dD](?:[89abAB][0-9a-fA-F]{2}(?!%b)|[c-fC-F][0-9a-fA-F]{2}(?<!%b%b))" % (_LOW, _HIGH, _LOW))
# Two bytes that are not in UTF-8, so that a backslash that is escaped escapes nothing itself.
_BACKSLASH, _PLACEHOLDER = b"\\\\", b"\xff\xff"

# One value that is no text costs a sixteenth of its neighbours a second attempt, and so on.
_SPLIT = 16

# Any number beyond the largest double, about 1.8e308, has one of these.
_LARGE = re.compile(rb"[0-9]{200}|[eE]\+?[0-9]{3}")
# A string, or a number with an exponent or many digits that is not followed by a colon. Possessive, and a string need
# not end: each byte is read once.
_STRING_OR_LARGE = re.compile(
    rb'"(?:[^"\\]++|\\.)*+"?'
    rb"|(?P<number>-?(?:[1-9][0-9]{199,}(?:\.[0-9]+)?|(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?=[eE]))(?:[eE][+-]?[0-9]+)?+)(?!\s*:)",
    re.DOTALL,
)


def utf8(data: bytes) -> bytes:
    """Return `data` as UTF-8."""
    try:
        pa.array([data], pa.large_binary()).cast(pa.large_string())
    except pa.ArrowInvalid:
        return data.decode("utf-8", "replace").encode()
    return data


def texts(values: pa.Array) -> pa.Array:
    """Return a column of bytes as a column of text; null stays null."""
    try:
        return values.cast(pa.string())
    except pa.ArrowInvalid:
        if len(values) <= _SPLIT:
            return pa.array([None if one is None else one.decode("utf-8", "replace") for one in values.to_pylist()])
    step = -(-len(values) // _SPLIT)
    return pa.concat_arrays([texts(values.slice(start, step)) for start in range(0, len(values), step)])


def paired_surrogates(json: bytes) -> bytes:
    r"""Return JSON (UTF-8) with U+FFFD for each escaped surrogate that stands alone, such as "\udcff"."""
    if b"\\ud" not in json and b"\\uD" not in json:
        return json
    hidden = json.replace(_BACKSLASH, _PLACEHOLDER)
    return _ALONE.sub(rb"\\ufffd", hidden).replace(_PLACEHOLDER, _BACKSLASH)


def quoted_infinities(json: bytes) -> bytes:
    """Return JSON with quotes around each number beyond the largest double; RFC 8259 sets numbers no limit."""
    return _STRING_OR_LARGE.sub(_quoted, json) if _LARGE.search(json) else json


def _quoted(found: re.Match[bytes]) -> bytes:
    number = found["number"]
    return b'"%b"' % number if number and math.isinf(float(number)) else found[0]
