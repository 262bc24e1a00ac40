"""Files to lines: every line once, numbered rightly when it is too long, and bad files refused."""

from __future__ import annotations

import gzip
import os
import threading
import tracemalloc
from pathlib import Path

import pytest

from logpipeline.errors import LogPipelineError
from logpipeline_generator.lines import Block, LineFile


def never() -> bool:
    return False


def read(path: Path, limit: int = 1_000_000) -> Block:
    """The whole file as one block."""
    file, all_lines = LineFile(str(path), never), Block([])
    for block in file.blocks(limit):
        all_lines.lines += block.lines
        all_lines.empty += block.empty
        all_lines.oversized += block.oversized
    assert file.position == file.size
    file.close()
    return all_lines


@pytest.mark.parametrize(
    ("content", "lines", "empty"),
    [
        (b"a\nb\n", [b"a", b"b"], 0),
        (b"a\nb", [b"a", b"b"], 0),
        (b"a\r\nb\r\n", [b"a", b"b"], 0),
        (b"a\n\n\r\nb\n\n", [b"a", b"b"], 3),
        (b" a \n", [b" a "], 0),
        (b"\xff\x00\xfe\n", [b"\xff\x00\xfe"], 0),
        (b"\n", [], 1),
    ],
)
def test_lines_and_their_ends(tmp_path: Path, content: bytes, lines: list[bytes], empty: int) -> None:
    path = tmp_path / "log"
    path.write_bytes(content)
    assert read(path) == Block(lines, empty)


@pytest.mark.parametrize("compressed", [False, True])
def test_no_line_is_lost_or_torn_between_chunks(tmp_path: Path, compressed: bool) -> None:
    lines = [b"%d " % number + b"x" * (number * 7919 % 997) for number in range(10_000)]
    content = b"\n".join(lines)
    path = tmp_path / "log"
    path.write_bytes(gzip.compress(content) if compressed else content)
    assert read(path).lines == lines


def test_lines_over_the_limit_are_told_by_number_and_size(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"\n".join([b"a", b"b" * 11, b"", b"c" * 10, b"d" * 1_000_000, b"e", b"f" * 600_000]))
    assert read(path, limit=10) == Block([b"a", b"c" * 10, b"e"], 1, [(2, 11), (5, 1_000_000), (7, 600_000)])


def test_a_file_that_is_one_long_line_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with path.open("wb") as file:
        file.write(b"x")
        file.truncate(200 << 20)  # sparse
    file_lines = LineFile(str(path), never)
    tracemalloc.start()
    assert list(file_lines.blocks(1000)) == [Block([], 0, [(1, 200 << 20)])]
    assert tracemalloc.get_traced_memory()[1] < 4 << 20
    tracemalloc.stop()
    file_lines.close()


def test_a_pipe_gives_what_there_is_and_ends_when_told_to() -> None:
    reading, writing = os.pipe()
    stop = threading.Event()
    file = LineFile(f"/dev/fd/{reading}", stop.is_set)
    os.write(writing, b"a\nb\nhalf")
    blocks = file.blocks(100)
    assert next(blocks).lines == [b"a", b"b"]
    stop.set()
    assert list(blocks) == [], "the half line is not sent"
    assert file.size is None
    os.close(writing)
    os.close(reading)
    file.close()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("broken.gz", b"\x1f\x8b broken", "is not a gzip file that can be read"),
        ("broken.zst", b"\x28\xb5\x2f\xfd broken", "is not a zstd file that can be read"),
    ],
)
def test_files_that_cannot_be_sent(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(LogPipelineError, match=message) as raised:
        LineFile(str(path), never)
    assert raised.value.message.startswith(f"{path}: ")


@pytest.mark.parametrize(
    ("name", "content"), [("empty", b""), ("empty.gz", b""), ("nothing.gz", gzip.compress(b"", mtime=0))]
)
def test_an_empty_file_is_known_as_one(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    file = LineFile(str(path), never)
    assert file.empty
    assert list(file.blocks(100)) == []
    file.close()


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(LogPipelineError, match="no such file or directory"):
        LineFile(str(tmp_path / "missing"), never)
    with pytest.raises(LogPipelineError, match="is a directory"):
        LineFile(str(tmp_path), never)


def test_a_gzip_that_ends_early_gives_its_lines_and_then_says_where(tmp_path: Path) -> None:
    path = tmp_path / "cut.gz"
    path.write_bytes(gzip.compress(os.urandom(300_000).hex().encode().replace(b"7", b"\n"))[:-1000])
    file, lines = LineFile(str(path), never), 0
    with pytest.raises(LogPipelineError, match=r"is damaged or cut off: only its first [\d,]+ bytes could be read"):
        for block in file.blocks(1_000_000):
            lines += block.read
    assert lines > 10_000
    file.close()
