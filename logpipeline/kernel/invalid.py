"""Invalid records → what is told of them: the reason, where the record stands, and how it begins."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import orjson

# The quote shows what was wrong; the whole record is still where `place` says.
_LONGEST_QUOTE = 16 << 10


def describe(reason: str, place: Mapping[str, Any], value: bytes) -> str:
    """Return the JSON of an invalid record: `reason`, the members of `place`, and `value` (`value_base64` when it is
    not UTF-8).

    A longer value than 16 KiB is cut, and `truncated` says so.
    """
    quote = value[:_LONGEST_QUOTE]
    try:
        quoted = {"value": quote.decode()}
    except UnicodeDecodeError:
        quoted = {"value_base64": base64.b64encode(quote).decode()}
    cut = {"truncated": True} if len(quote) < len(value) else {}
    return orjson.dumps({"reason": reason, **place, **quoted, **cut}).decode()
