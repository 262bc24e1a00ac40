"""The content of a log as it was written, from what its file has become: packed, cut off, in another encoding.

What a file is, its first bytes say and never its name. Memory does not grow with the file.
"""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import itertools
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import cast

from backports import zstd

from logpipeline.errors import LogPipelineError, first_line

# https://www.iana.org/assignments/media-types, RFC 8878, and the formats' own documents.
_GZIP, _ZIP, _ZSTD, _BZIP2, _XZ = b"\x1f\x8b", b"PK\x03\x04", b"\x28\xb5\x2f\xfd", b"BZh", b"\xfd7zXZ\x00"
_LONGEST_MAGIC = 6
_CHUNK = 256 << 10
_DAMAGED = (EOFError, OSError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, zstd.ZstdError)

Chunks = Iterator[bytes]


class LogStream:
    """The content of the log `name`, which is open as `raw`.

    Of a file that is damaged or cut off what can be read is given; `damage` then says what is missing, and `remarks`
    what else was passed over.
    """

    def __init__(self, raw: io.BufferedReader, name: str) -> None:
        self._raw = raw
        self._name = name
        self._given = 0
        self._chunks: Chunks | None = None
        self.damage: str | None = None
        self.remarks: list[str] = []

    def read(self, size: int) -> bytes:
        """Return the next bytes, `size` or a chunk more, fewer only at the end; raises LogPipelineError when nothing at
        all can be read.
        """
        chunks, read = [], 0
        while read < size and (chunk := self.read_chunk()):
            chunks.append(chunk)
            read += len(chunk)
        return b"".join(chunks)

    def read_chunk(self) -> bytes:
        """Return the next bytes as they come, none at the end; raises as `read`."""
        if self._chunks is None:
            self._chunks = _as_utf8(self._unpacked(), self._remark)
        return next(self._chunks, b"")

    def _unpacked(self) -> Chunks:
        packing = "file"
        try:
            packing, chunks = _opened(self._raw, self._remark)
            for chunk in chunks:
                self._given += len(chunk)
                yield chunk
        except _DAMAGED as error:
            reason = first_line(error)
            if not self._given:
                raise LogPipelineError(f"{self._name}: is not a {packing} that can be read: {reason}") from error
            self.damage = (
                f"{self._name}: is damaged or cut off: only its first {self._given:,} bytes could be read ({reason})"
            )

    def _remark(self, text: str) -> None:
        self.remarks.append(f"{self._name}: {text}")


def _opened(raw: io.BufferedReader, remark: Callable[[str], None]) -> tuple[str, Chunks]:
    """Return how a file is packed, in words, and its content."""
    magic = raw.peek(_LONGEST_MAGIC)
    if magic.startswith(_GZIP):
        return "gzip file", _of_gzip(raw, remark)
    if magic.startswith(_ZSTD):
        return "zstd file", _read(zstd.ZstdFile(raw).read1)
    if magic.startswith(_BZIP2):
        return "bzip2 file", _read(bz2.BZ2File(raw).read1)
    if magic.startswith(_XZ):
        return "xz file", _read(lzma.LZMAFile(raw).read1)
    if magic.startswith(_ZIP):
        return "zip file", _of_zip(raw)
    return "file", _read(raw.read1)


def _read(read: Callable[[int], bytes]) -> Chunks:
    while chunk := read(_CHUNK):
        yield chunk


def _of_gzip(raw: io.BufferedReader, remark: Callable[[str], None]) -> Chunks:
    given = False
    try:
        for chunk in _read(gzip.GzipFile(fileobj=raw).read1):
            given = True
            yield chunk
    except gzip.BadGzipFile as error:
        # As gzip itself does with what a tape or a torn copy has added.
        if not given or not str(error).startswith("Not a gzipped file"):
            raise
        remark("has something behind its end that is not gzip, left out")


def _of_zip(raw: io.BufferedReader) -> Chunks:
    if not raw.seekable():
        raise OSError("a zip file cannot be read from a pipe; unpack it with funzip")
    with zipfile.ZipFile(raw) as archive:
        for member in archive.infolist():
            if not member.is_dir():
                with archive.open(member) as file:
                    yield from _read(cast("zipfile.ZipExtFile", file).read1)


def _as_utf8(chunks: Chunks, remark: Callable[[str], None]) -> Chunks:
    """Yield the content without marks of its encoding, lines ending in a line feed, UTF-16 as UTF-8.

    It is judged by what comes first, for a pipe may be silent after that.
    """
    beginning = _without_zeros(chunks, remark)
    if beginning.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        decoder = codecs.getincrementaldecoder("utf-16")(errors="replace")
        chunks = (decoder.decode(chunk).encode() for chunk in itertools.chain([beginning], chunks))
        beginning = next(filter(None, chunks), b"")
    beginning = beginning.removeprefix(codecs.BOM_UTF8)
    chunks = itertools.chain([beginning] if beginning else [], filter(None, chunks))
    # The last byte may be the first half of a line's end.
    if b"\r" in beginning[:-1] and b"\n" not in beginning:
        chunks = (chunk.replace(b"\r", b"\n") for chunk in chunks)
    yield from chunks


def _without_zeros(chunks: Chunks, remark: Callable[[str], None]) -> bytes:
    """Return the first bytes. A log that was cut to nothing while its writer had it open begins with as many zeros as
    it had bytes.
    """
    zeros = 0
    for chunk in chunks:
        beginning = chunk.lstrip(b"\0")
        zeros += len(chunk) - len(beginning)
        if beginning:
            if zeros:
                remark(f"begins with {zeros:,} zeros, passed over")
            return beginning
    return b""
