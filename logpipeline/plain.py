"""Text for a terminal: data is never a control character, and a terminal with few signs still shows ours.

All that the command line writes goes through this module or, where it has columns and colours, through `terminal`.
"""

from __future__ import annotations

import codecs
import contextlib
import io
import logging
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import click

_OTHER_SIGNS = "logpipeline.other-signs"
# Of one column each, so that tables stay aligned.
_IN_ASCII = str.maketrans("–—─━╸╺·…→▁▂▃▄▅▆▇█", "------|~>12345678") | dict.fromkeys(range(0x2800, 0x2900), "*")
_UNSAFE_IN_JSON = re.compile(r"[^\t\n\r\x20-\x7e]")


def plain(text: object) -> str:
    r"""Return `text` with an escape for each character that is not printable, among them line ends: controls (`\x1b`),
    marks that change the direction of writing (`\u202e`), and the bytes of a file name that is not UTF-8 (`\xe9`).
    """
    text = str(text)
    return text if text.isprintable() else "".join(map(_shown, text))


def _shown(sign: str) -> str:
    if sign.isprintable():
        return sign
    number = ord(sign)
    # How Python keeps a byte that it cannot decode (PEP 383).
    if 0xDC80 <= number <= 0xDCFF:
        return f"\\x{number - 0xDC00:02x}"
    return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(sign) or (
        f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
    )


def plain_json(document: bytes) -> bytes:
    r"""Return a JSON document (UTF-8) with the same meaning, in which what is not printable is escaped as `\u`."""
    text = document.decode("utf-8")
    return document if text.isprintable() else _UNSAFE_IN_JSON.sub(_escaped, text).encode("utf-8")


def _escaped(found: re.Match[str]) -> str:
    sign = found[0]
    if sign.isprintable():
        return sign
    units = sign.encode("utf-16-be")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


def say(line: object, *, err: bool = False) -> None:
    """Write one line of text to standard output, or to standard error."""
    stream = sys.stderr if err else sys.stdout
    tolerant(stream)
    with writing(stream):
        print(plain(line), file=stream, flush=True)


def write(document: str) -> None:
    """Write a document for other programs to standard output, as it is, in UTF-8."""
    with writing(sys.stdout):
        sys.stdout.buffer.write(document.encode())
        sys.stdout.buffer.flush()


class ClearError(click.ClickException):
    """An error that is shown as a line a fault, without a stack trace."""

    exit_code = 2

    def show(self, file: IO[Any] | None = None) -> None:  # noqa: ARG002 - click's signature
        """Write `error: …`, a line a fault, to stderr, unless that is what cannot be written."""
        with contextlib.suppress(OutputError):
            for line in self.message.split("\n"):
                say(f"error: {line}", err=True)


class OutputError(ClearError):
    """Standard output or standard error takes no more, as on a full disk."""


@contextlib.contextmanager
def writing(stream: Any) -> Iterator[None]:
    """Raise OutputError for what cannot be written to `stream`; that nobody reads it any more is left to click."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        # What its buffer holds would fail again when the process ends.
        with Path(os.devnull).open("wb") as nothing:
            os.dup2(nothing.fileno(), stream.fileno())
        raise OutputError(f"{stream.name}: cannot be written: {error.strerror}") from error


def tolerant(stream: Any) -> None:
    """Let `stream` write signs that its encoding lacks with others."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors=_OTHER_SIGNS)


def _other_signs(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    missing = error.object[error.start : error.end].translate(_IN_ASCII)
    return missing.encode("ascii", "backslashreplace").decode(), error.end


codecs.register_error(_OTHER_SIGNS, _other_signs)


class CommandGroup(click.Group):
    """A command line whose help and whose complaints about arguments are shown on any terminal."""

    def main(self, *args: Any, **options: Any) -> Any:
        """Run it."""
        tolerant(sys.stdout)
        tolerant(sys.stderr)
        return super().main(*args, **options)

    def make_context(self, *args: Any, **options: Any) -> click.Context:
        """Return its context."""
        with _plain_complaints():
            return super().make_context(*args, **options)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that its arguments name."""
        with _plain_complaints():
            return super().invoke(ctx)


@contextlib.contextmanager
def _plain_complaints() -> Iterator[None]:
    try:
        yield
    except click.UsageError as error:
        # It quotes an argument, such as a file name that a pattern of the shell has found.
        error.message = "\n".join(map(plain, error.message.expandtabs(4).split("\n")))  # type: ignore[misc]
        raise


class LogFormatter(logging.Formatter):
    """A formatter whose messages may quote data."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name is logging's
        """Return the line of a record; a stack trace follows it."""
        return plain(super().formatMessage(record))


def size(count: int) -> str:
    """Return a number of bytes in the largest unit that it fills."""
    amount = float(count)
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if amount < 1024:
            return f"{amount:,.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:,.1f} PiB"
