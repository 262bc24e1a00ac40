"""The content of a log, whatever its file has become."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import os
import random
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from backports import zstd

from logpipeline.errors import LogPipelineError
from logpipeline.log_stream import LogStream

LINES = b"".join(b"%d a line of a log\n" % number for number in range(50_000))


def zipped(content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("logs/", b"")
        half = len(content) // 2
        archive.writestr("logs/access.log.2", content[:half])
        archive.writestr("logs/access.log.1", content[half:])
    return file.getvalue()


PACKED: dict[str, Callable[[bytes], bytes]] = {
    "plain": lambda content: content,
    "gzip": gzip.compress,
    "gzip members": lambda content: gzip.compress(content[:999]) + gzip.compress(content[999:]),
    "zstd": zstd.compress,
    "zstd frames": lambda content: zstd.compress(content[:999]) + zstd.compress(content[999:]),
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zip": zipped,
}


def read(content: bytes, tmp_path: Path) -> tuple[bytes, list[str]]:
    """What can be read of a file with this content, and what is said of the rest."""
    path = tmp_path / "access.log"
    path.write_bytes(content)
    with path.open("rb") as raw:
        stream = LogStream(raw, "access.log")
        found = b"".join(iter(lambda: stream.read(1 << 20), b""))
    return found, [*stream.remarks, *([stream.damage] if stream.damage else [])]


@pytest.mark.parametrize("name", PACKED)
def test_what_was_packed_is_read(tmp_path: Path, name: str) -> None:
    assert read(PACKED[name](LINES), tmp_path) == (LINES, [])


@pytest.mark.parametrize("name", [name for name in PACKED if name != "zip"])
def test_and_from_a_pipe(name: str) -> None:
    content = PACKED[name](LINES[:40_000])
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as raw:
        os.write(writer, content)
        os.close(writer)
        assert LogStream(raw, "-").read(1 << 20) == LINES[:40_000]


def test_a_slow_pipe_gives_what_has_come() -> None:
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as raw:
        stream = LogStream(raw, "-")
        for line in (b"one\n", b"two\n"):
            os.write(writer, line)
            assert stream.read_chunk() == line
        os.close(writer)
        assert stream.read_chunk() == b""


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (codecs.BOM_UTF8 + b"a\nb\n", b"a\nb\n"),
        ("a\u00e9\nb\U0001f600\n".encode("utf-16"), "a\u00e9\nb\U0001f600\n".encode()),
        (codecs.BOM_UTF16_BE + "a\n".encode("utf-16-be"), b"a\n"),
        (codecs.BOM_UTF16_LE + b"\x00\xd8a\x00", "\ufffda".encode()),
        (b"a\rb\rc", b"a\nb\nc"),
        (b"a\r\nb\r\n", b"a\r\nb\r\n"),
        (b"a\r", b"a\r"),
        (b"", b""),
        (b"\n", b"\n"),
        (gzip.compress(b"", mtime=0), b""),
        (gzip.compress(codecs.BOM_UTF8 + b"a\n", mtime=0), b"a\n"),
    ],
)
def test_encodings_and_the_ends_of_lines(tmp_path: Path, content: bytes, expected: bytes) -> None:
    assert read(content, tmp_path) == (expected, [])


def test_long_text_of_16_bits_is_whole(tmp_path: Path) -> None:
    text = "".join(random.Random(1).choices("\nA\u00e9\u20ac\U0001f600", k=300_000))
    assert read(text.encode("utf-16"), tmp_path)[0].decode() == text


def test_zeros_of_a_log_that_was_cut_under_its_writer_are_passed_over(tmp_path: Path) -> None:
    found = read(b"\0" * 700_000 + LINES, tmp_path)
    assert found == (LINES, ["access.log: begins with 700,000 zeros, passed over"])
    assert read(b"\0" * 1000, tmp_path)[0] == b""


@pytest.mark.parametrize("name", [name for name in PACKED if name not in ("plain", "zip")])
def test_of_a_file_that_is_cut_off_what_there_is_is_read(tmp_path: Path, name: str) -> None:
    # More than a block of bzip2, of which less than one gives nothing.
    lines = random.Random(1).randbytes(4_000_000)
    packed = PACKED[name](lines)
    found, remarks = read(packed[: len(packed) // 2], tmp_path)
    assert lines.startswith(found)
    assert len(found) > len(lines) // 4
    (remark,) = remarks
    assert f"is damaged or cut off: only its first {len(found):,} bytes could be read" in remark


def test_what_is_behind_the_end_of_a_gzip_file_is_left_out(tmp_path: Path) -> None:
    assert read(gzip.compress(b"a\n") + b"\0" * 512, tmp_path) == (b"a\n", [])
    found, (remark,) = read(gzip.compress(b"a\n") + b"garbage", tmp_path)
    assert found == b"a\n"
    assert remark == "access.log: has something behind its end that is not gzip, left out"


@pytest.mark.parametrize("magic", [b"\x1f\x8b", b"PK\x03\x04", b"\x28\xb5\x2f\xfd", b"BZh9", b"\xfd7zXZ\x00"])
def test_what_cannot_be_read_at_all_is_refused(tmp_path: Path, magic: bytes) -> None:
    with pytest.raises(LogPipelineError, match=r"^access\.log: is not a \w+ file that can be read: "):
        read(magic + b"and then something else", tmp_path)


@pytest.mark.parametrize("name", ["gzip", "zstd", "bzip2", "xz", "zip"])
def test_a_small_file_that_unpacks_to_a_large_one_takes_no_memory(tmp_path: Path, name: str) -> None:
    path = tmp_path / "bomb"
    path.write_bytes(PACKED[name](bytes(32 << 20)))
    tracemalloc.start()
    with path.open("rb") as raw:
        stream = LogStream(raw, "bomb")
        # All of it zeros, so it is nothing but passed over.
        assert stream.read(1 << 20) == b""
    assert tracemalloc.get_traced_memory()[1] < 12 << 20
    tracemalloc.stop()
