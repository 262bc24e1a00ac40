"""`generate`: same options, same bytes; and what is refused."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from logpipeline_generator.cli import generate

FIXED = ("--start", "2022-08-03T06:51:51Z", "--malformed-share", "0.05", "--out-of-order-share", "0.1")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(generate, arguments)


def written(path: Path, *options: str) -> bytes:
    result = run("--output", str(path), *FIXED, *options)
    assert result.exit_code == 0, result.output
    return path.read_bytes()


def test_the_same_options_give_the_same_bytes(tmp_path: Path) -> None:
    once = written(tmp_path / "a.gz", "--count", "5000")
    assert once == written(tmp_path / "b.gz", "--count", "5000")
    assert once[4:8] == bytes(4), "no time of writing in the gzip header"
    assert once != written(tmp_path / "c.gz", "--count", "5000", "--seed", "2")


def test_a_shorter_stream_is_the_beginning_of_a_longer_one(tmp_path: Path) -> None:
    long = written(tmp_path / "long", "--count", "7000")
    short = written(tmp_path / "short", "--count", "3001")
    assert long.startswith(short)
    assert short.count(b"\n") == 3001


def test_gzip_holds_the_plain_lines(tmp_path: Path) -> None:
    plain = written(tmp_path / "a", "--for", "10s")
    assert gzip.decompress(written(tmp_path / "a.gz", "--for", "10s")) == plain


def test_duration_and_rate_give_the_number_of_records(tmp_path: Path) -> None:
    assert written(tmp_path / "a", "--for", "20s", "--rate", "50", "--offenders-every", "0").count(b"\n") == 1000


@pytest.mark.parametrize(
    ("text", "first"), [("2022-08-03T06:51:51Z", b"1659509511.000000"), ("1659509511.865323", b"1659509511.865323")]
)
def test_start_is_iso_8601_or_epoch(tmp_path: Path, text: str, first: bytes) -> None:
    path = tmp_path / "a"
    assert run("--output", str(path), "--count", "1", "--start", text).exit_code == 0
    assert first in path.read_bytes()


def test_the_summary_counts(tmp_path: Path) -> None:
    result = run(
        "--output",
        str(tmp_path / "a"),
        "--start",
        "0",
        "--count",
        "100",
        "--malformed-share",
        "1",
        "--offenders-every",
        "0",
    )
    assert result.stderr.startswith("generate: 100 records, 100 malformed, 0 offenders'; ")


def test_so_few_clients_that_they_look_like_offenders_are_pointed_out(tmp_path: Path) -> None:
    assert (
        "so few clients"
        in run("--output", str(tmp_path / "a"), "--start", "0", "--count", "1", "--clients", "9").stderr
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "either --bootstrap-servers and --topic, or --output"),
        (("--output", "x", "--topic", "t"), "either"),
        (("--topic", "t"), "either"),
        (("--output", "x", "--malformed-share", "0.6", "--late-share", "0.6"), "more than 1"),
        (("--output", "x", "--for", "5"), "is not a duration"),
        (("--output", "x", "--start", "tomorrow"), "neither ISO 8601"),
        (("--output", "x", "--offenders-every", "0.5"), "at least 1 second"),
        (("--output", "x", "--rate", "inf"), "is not in the range"),
        (("--output", "x", "--rate", "nan"), "'nan' is not a number to reckon with"),
        (("--output", "x", "--rate", "-1"), "is not in the range"),
        (("--output", "x", "--rate", "1e-300"), "is not in the range"),
        (("--output", "x", "--late-share", "nan"), "'nan' is not a number to reckon with"),
        (("--output", "x", "--disorder", "inf"), "is not in the range"),
        (("--output", "/dev/full", "--count", "1"), "error: /dev/full: cannot be written: no space left on device"),
        (("--output", "/nonexistent/x", "--count", "1"), "error: /nonexistent/x: no such file or directory"),
        (
            ("--output", "-", "--count", "1", "--client-config", "/nonexistent", "--ground-truth", "/nonexistent/x"),
            "error: /nonexistent/x: no such",
        ),
        (
            ("--topic", "t", "--bootstrap-servers", "x", "--client-config", "/nonexistent"),
            "error: /nonexistent: cannot read the Kafka client settings: No such file",
        ),
    ],
)
def test_bad_input_is_refused(arguments: tuple[str, ...], message: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr


def test_an_unknown_kafka_property_is_one_clear_line(tmp_path: Path) -> None:
    config = tmp_path / "client.properties"
    config.write_text("# a comment\nsecurity.protcol = SSL\n")
    result = run("--topic", "t", "--bootstrap-servers", "127.0.0.1:1", "--client-config", str(config))
    assert result.exit_code == 2
    assert result.stderr == 'error: Kafka client configuration: No such configuration property: "security.protcol"\n'
