"""Text from log lines as others may show it: whatever a client sends ends in the label of an alert."""

from __future__ import annotations

import hashlib

LONGEST = 256
"""Characters that a value of a label may have."""


def plain(text: str, longest: int = LONGEST) -> str:
    """Return `text` itself if it is printable and has at most `longest` characters.

    Any other is escaped and cut, and ends with a digest of the whole, so that two values stay two values.
    """
    if len(text) <= longest and text.isprintable():
        return text
    # A character becomes ten at most, and only the first are looked at, however long the text is.
    shown = "".join(_escaped(character) for character in text[:longest])
    digest = hashlib.sha256(text.encode("utf-8", errors="surrogatepass")).hexdigest()[:12]
    return f"{shown[: longest - len(digest) - 2]}… {digest}"


def _escaped(character: str) -> str:
    return character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
