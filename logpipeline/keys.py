"""How a long value of a group key stands in state and results: its beginning and a hash of the whole."""

from __future__ import annotations

import hashlib
import re

# Bytes of UTF-8. With eight fields, the most that groupBy takes, a result stays far below a megabyte, which is what
# Kafka takes by default, even where JSON writes six characters for each byte.
LONGEST = 1024
_MARK = "…sha256:"
_DIGITS = 32
_TAIL = len(_MARK.encode()) + _DIGITS
_SHORTENED = re.compile(f"(.*){_MARK}[0-9a-f]{{{_DIGITS}}}", re.DOTALL)


def shortened(value: str) -> str:
    """Return the value if it is at most `LONGEST` bytes, else as much of its beginning as fits before half its SHA-256.

    It never changes: state and results of long ago hold such values.
    """
    data = value.encode()
    if len(data) <= LONGEST:
        return value
    beginning = data[: LONGEST - _TAIL].decode(errors="ignore")
    return f"{beginning}{_MARK}{hashlib.sha256(data).hexdigest()[:_DIGITS]}"


def beginning_of(value: str) -> str | None:
    """Return what the whole values begin with that `shortened` makes this one of; None when it makes none such."""
    found = _SHORTENED.fullmatch(value)
    # A character that would have been cut in two is left out, so up to three bytes may be missing.
    if found is None or not LONGEST - 3 <= len(value.encode()) <= LONGEST:
        return None
    return found[1]
