"""`backtest` over files: any order, any packing, constant state; and one clear line for what it cannot read."""

from __future__ import annotations

import gzip
import json
import os
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from logpipeline.backtest import files
from logpipeline.cli import main

RESOURCE = """
apiVersion: logpipeline.dev/v1alpha1
kind: LogPipeline
metadata: {name: p}
spec:
  kafka: {managed: {}}
  goals:
    - {name: rate, preset: client-rate}
    - {name: latency, groupBy: [host], window: {size: 10s}, aggregate: {avg: {field: request_time}}}
"""


def lines(first: int, count: int, *, host: str = "h", seed: int = 1) -> list[bytes]:
    """Records of `count` seconds from `first`, twelve a second, out of order by up to 3 s."""
    rng = random.Random(seed)
    return [
        json.dumps(
            {
                "client_ip": rng.choice("abcd"),
                "host": host,
                "request_time": round(rng.random(), 3),
                "status": 200,
                "@timestamp": first + index / 12 - rng.choice([0, 0, 2.9]),
            }
        ).encode()
        for index in range(count * 12)
    ]


@pytest.fixture
def resource(tmp_path: Path) -> Path:
    path = tmp_path / "pipeline.yaml"
    path.write_text(RESOURCE)
    return path


def backtest(resource: Path, *inputs: Path, goal: str | None = None) -> tuple[Result, dict[str, list[str]]]:
    """The command's result, and the sorted lines of each file it wrote."""
    output = resource.parent / "results"
    chosen = ["--goal", goal] if goal else []
    command = ["backtest", "-f", str(resource), "--output", str(output), *chosen, "--input", *map(str, inputs)]
    result = CliRunner().invoke(main, command)
    written = {path.stem: sorted(path.read_text().splitlines()) for path in output.glob("*.jsonl")}
    return result, written


def write(path: Path, content: list[bytes], end: bytes = b"\n") -> Path:
    path.write_bytes(b"".join(line + end for line in content))
    return path


def test_a_jump_is_against_the_history_of_all_files(resource: Path) -> None:
    goal = "- {name: jump, groupBy: [host], window: {size: 10s}, having: {timesPrevious: 2, over: 3}}"
    resource.write_text(f"{RESOURCE}    {goal}\n")
    times = {"early": [100, 110, 125], "jump": [120, *[130] * 3, 140, *[150] * 9, 151]}
    for name, seconds in times.items():
        records = [json.dumps({"host": "h", "@timestamp": second}).encode() for second in seconds]
        write(resource.parent / f"{name}.log", records)
    starts = {}
    for inputs in (("early", "jump"), ("jump",)):
        _, written = backtest(resource, *(resource.parent / f"{name}.log" for name in inputs), goal="jump")
        starts[inputs] = [json.loads(line)["window_start"][14:19] for line in written["jump"]]
    assert starts == {("early", "jump"): ["02:10", "02:30"], ("jump",): ["02:30"]}


def test_rotated_files_and_those_of_several_servers_in_any_order(resource: Path) -> None:
    folder = resource.parent
    one, two, other = lines(1_000_000, 40), lines(1_000_040, 40, seed=2), lines(1_000_000, 80, host="g", seed=3)
    parts = [write(folder / "one", one), write(folder / "two", two), write(folder / "other", other)]
    _, expected = backtest(resource, *parts)
    assert len(expected["rate"]) > 100
    assert len(expected["latency"]) == 2 * 9  # 80 s, and what is out of order before them, at two hosts
    for order in ([1, 0, 2], [2, 1, 0]):
        assert backtest(resource, *[parts[index] for index in order])[1] == expected


def test_plain_gzip_crlf_and_no_line_break_at_the_end_are_the_same(resource: Path) -> None:
    folder, content = resource.parent, lines(1_000_000, 30)
    _, expected = backtest(resource, write(folder / "plain", content))
    packed = folder / "packed"
    packed.write_bytes(gzip.compress(b"\n".join(content)))
    assert backtest(resource, packed)[1] == expected
    assert backtest(resource, write(folder / "crlf", content, end=b"\r\n"))[1] == expected


def test_every_line_is_accounted_for(resource: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_LONGEST_LINE", 100_000)
    content = lines(1_000_000, 30)
    path = write(
        resource.parent / "log",
        [*content[:9], b"", b"no record", b"x" * 9_000_000, b'{"@timestamp": 1000000}', *content[9:]],
    )
    result, written = backtest(resource, path)
    assert result.exit_code == 0, result.output
    (invalid,) = map(json.loads, written["_invalid"])
    assert (invalid["line"], invalid["reason"], invalid["value"]) == (11, "is not valid JSON", "no record")
    for told in ("invalid: 1 of 362 records", "empty lines: 1", "longer than 16 MiB: 1 lines", "rate: 1 records lack"):
        assert told in result.output


def test_late_records_are_told(resource: Path) -> None:
    content = lines(1_000_000, 4000)
    result, _ = backtest(resource, write(resource.parent / "log", [*content, lines(1_000_000, 1)[0]]))
    assert "rate: 1 records were dropped, later than source.allowedLateness (5 s)" in result.output


def test_a_record_from_after_the_file_was_written_is_invalid(resource: Path) -> None:
    path = write(resource.parent / "log", lines(1_000_000, 30))
    os.utime(path, (999_000, 999_000))
    assert "invalid: 360 of 360 records" in backtest(resource, path)[0].output


def test_one_goal_alone(resource: Path) -> None:
    _, written = backtest(resource, write(resource.parent / "log", lines(1_000_000, 30)), goal="latency")
    assert written.keys() == {"latency", "_invalid"}


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("missing", None, "--input: {path}: no such file"),
        ("empty", b"", "--input: {path}: is empty, there is nothing to test"),
        ("bad.gz", b"\x1f\x8b and then something else", "--input: {path}: is not a gzip file that can be read: "),
        ("folder", None, "--input: {path}: no such file"),
        ("x" * 300, None, "--input: {path}: cannot be read: File name too long"),
    ],
)
def test_what_cannot_be_read(resource: Path, name: str, content: bytes | None, expected: str) -> None:
    path = resource.parent / name
    if content is not None:
        path.write_bytes(content)
    result, _ = backtest(resource, path)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"error: {expected.format(path=path)}")
    assert len(result.stderr.splitlines()) == 1


def test_an_empty_file_among_others_is_named_and_passed_over(resource: Path) -> None:
    folder = resource.parent
    write(folder / "access.log.1", lines(1_000_000, 30))
    _, expected = backtest(resource, folder / "access.log.1")
    write(folder / "access.log", [])
    (folder / "access.log.2.gz").write_bytes(gzip.compress(b""))
    result, written = backtest(resource, *(folder / f"access.log{end}" for end in ("", ".1", ".2.gz")))
    assert (result.exit_code, written) == (0, expected)
    for name in ("access.log", "access.log.2.gz"):
        assert f"{folder / name}: is empty, passed over\n" in result.output


@pytest.mark.parametrize("name", ["rate.jsonl", "_invalid.jsonl", "link.jsonl"])
def test_an_input_is_never_overwritten(resource: Path, name: str) -> None:
    folder = resource.parent / "results"
    folder.mkdir()
    (folder / "latency.jsonl").write_text("of the run before")
    path = write(folder / name, lines(1_000_000, 3))
    if name == "link.jsonl":
        (folder / "_invalid.jsonl").hardlink_to(path)
    content = path.read_bytes()
    result, _ = backtest(resource, path)
    assert result.exit_code == 2
    assert "would be overwritten; give another folder" in result.stderr
    assert path.read_bytes() == content
    assert (folder / "latency.jsonl").read_text() == "of the run before"


def test_a_run_that_fails_leaves_the_results_of_the_one_before(resource: Path) -> None:
    folder = resource.parent
    _, before = backtest(resource, write(folder / "log", lines(1_000_000, 30)))
    (folder / "bad.bz2").write_bytes(b"BZh9 and then something else")
    result, after = backtest(resource, folder / "log", folder / "bad.bz2")
    assert result.exit_code == 2
    assert "bad.bz2: is not a bzip2 file that can be read" in result.stderr
    assert after == before
    assert {path.suffix for path in (folder / "results").iterdir()} == {".jsonl"}


def test_a_file_name_that_is_not_utf_8(resource: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(resource.parent) + b"/acc\xe9s [bold].log"))
    result, written = backtest(resource, write(path, [b"no record"]))
    assert result.exit_code == 1, result.output
    assert json.loads(written["_invalid"][0])["file"].endswith(r"/acc\xe9s [bold].log")


def test_of_a_torn_file_what_can_be_read_counts(resource: Path) -> None:
    content = gzip.compress(b"\n".join(lines(1_000_000, 6000)))
    path = resource.parent / "torn.gz"
    path.write_bytes(content[: len(content) // 2])
    result, written = backtest(resource, path)
    assert result.exit_code == 0, result.output
    (remark,) = [line for line in result.output.splitlines() if "torn.gz" in line]
    assert re.fullmatch(rf"{path}: is damaged or cut off: only its first [\d,]+ bytes could be read \(.*\)", remark)
    assert written["latency"]


def test_a_folder_a_pipe_and_standard_input(resource: Path, tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    content = lines(1_000_000, 60)
    write(logs / "access.log.1", content[:300])
    (logs / "access.log.0.gz").write_bytes(gzip.compress(b"\n".join(content[300:])))
    (logs / ".hidden").write_text("no record")
    (logs / "old").mkdir()
    _, expected = backtest(resource, logs)
    assert len(expected["latency"]) == 7
    whole = b"\n".join(content)
    command = [sys.executable, "-m", "logpipeline", "backtest", "-f", str(resource), "--output"]
    for number, name in enumerate(("-", "/dev/stdin")):
        folder = tmp_path / f"out-{number}"
        subprocess.run([*command, str(folder), "--input", name], input=whole, check=True, capture_output=True)
        for goal in ("rate", "latency"):
            assert sorted((folder / f"{goal}.jsonl").read_text().splitlines()) == expected[goal]
    result, _ = backtest(resource, logs / "old")
    assert (result.exit_code, result.stderr) == (2, f"error: --input: {logs / 'old'}: is a folder without files\n")


@pytest.mark.parametrize(
    ("good", "options", "code", "says"),
    [
        (0, (), 1, "error: not one record is valid: does source.format say how the log is written?\n"),
        (1, (), 0, ""),
        (0, ("--max-invalid", "100"), 0, ""),
        (3, ("--max-invalid", "20"), 1, "error: --max-invalid: 25 % of the records are invalid, more than 20 %\n"),
        (3, ("--max-invalid", "25"), 0, ""),
    ],
)
def test_so_many_invalid_records_are_a_fault(
    resource: Path, good: int, options: tuple[str, ...], code: int, says: str
) -> None:
    path = write(resource.parent / "log", [*lines(1_000_000, 30)[:good], b"no record"])
    command = ["backtest", "-f", str(resource), "--input", str(path), "--output", str(resource.parent / "results")]
    result = CliRunner().invoke(main, [*command, *options])
    assert result.exit_code == code
    assert [line for line in result.stderr.splitlines(keepends=True) if line.startswith("error")] == (
        [says] if says else []
    )


def test_a_goal_that_is_named_twice_counts_once(resource: Path) -> None:
    path = write(resource.parent / "log", lines(1_000_000, 30))
    _, expected = backtest(resource, path, goal="latency")
    command = ["backtest", "-f", str(resource), "--goal", "latency", "--goal", "latency", "--input", str(path)]
    result = CliRunner().invoke(main, [*command, "--output", str(resource.parent / "twice")])
    assert [line.split()[0] for line in result.stdout.splitlines()] == ["GOAL", "latency"]
    assert sorted((resource.parent / "twice" / "latency.jsonl").read_text().splitlines()) == expected["latency"]


def test_unknown_goal(resource: Path) -> None:
    result, _ = backtest(resource, resource, goal="rat")
    assert (result.exit_code, result.stderr) == (2, "error: --goal: p has no goal 'rat'; it has rate, latency\n")
