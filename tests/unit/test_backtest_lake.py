"""A backtest over the lake finds what one over the same log's files does."""

from __future__ import annotations

import random
import threading
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from click.testing import CliRunner
from deltalake import write_deltalake

from logpipeline.api.source import Source
from logpipeline.backtest.lake import lake_logs
from logpipeline.cli import main
from logpipeline.kernel.columns import RowReader
from logpipeline.lake.names import PARTITIONS
from logpipeline.lake.tables import RESULTS

START = 1_714_564_800 - 60  # a minute before an hour begins
SPAN = ("2024-05-01T11:00", "2024-05-01T12:00")
RESOURCE = """
apiVersion: logpipeline.dev/v1alpha1
kind: LogPipeline
metadata: {{name: p}}
spec:
  kafka: {{managed: {{}}}}
  lake: {{uri: "file://{lake}"}}
  goals:
    - {{name: rate, preset: client-rate}}
    - {{name: paths, groupBy: [path], window: {{size: 30s}}}}
"""


def log(partition: int) -> list[bytes]:
    """Two minutes, out of order by up to 3 s; one in twenty is no record, one has bytes that are no text."""
    chance = random.Random(partition)
    lines = []
    for number in range(2400):
        second = START + number / 20 - chance.choice([0, 0, 2.9])
        line = b'{"client_ip":"%d","path":"/%d","@timestamp":%.3f}' % (chance.randrange(9), partition, second)
        lines.append(b"no record" if number % 20 == 3 else line.replace(b'"/', b'"/\xff') if number == 7 else line)
    return lines


def rows(partition: int) -> pa.RecordBatch:
    values = log(partition)
    batch = pa.RecordBatch.from_pydict(
        {
            "value": pa.array(values, pa.binary()),
            "topic": pa.array(["p.raw"] * len(values)),
            "partition": pa.array([partition] * len(values), pa.int32()),
            "offset": pa.array(range(len(values)), pa.int64()),
            "arrival_ms": pa.array([(START + 100) * 1000] * len(values), pa.int64()),
        }
    )
    return RowReader(Source(), ()).read(batch)


@pytest.fixture
def resource(tmp_path: Path) -> Path:
    lake = tmp_path / "lake"
    raw = pa.Table.from_batches([rows(0), rows(1)]).take(random.Random(1).sample(range(4800), 4800))
    for name, table in (("raw", raw), ("results", RESULTS.empty_table())):
        write_deltalake(lake / name, table, partition_by=list(PARTITIONS[name]))  # type: ignore[index]
    path = tmp_path / "p.yaml"
    path.write_text(RESOURCE.format(lake=lake))
    return path


def backtest(resource: Path, *options: str) -> dict[str, list[str]]:
    output = resource.parent / "results"
    result = CliRunner().invoke(main, ["backtest", "-f", str(resource), "--output", str(output), *options])
    assert result.exit_code == 0, result.output
    return {path.stem: sorted(path.read_text().splitlines()) for path in output.glob("*.jsonl")}


def test_the_lake_gives_what_the_files_give(resource: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Few at a time, so that their order counts.
    monkeypatch.setattr("logpipeline.backtest.lake._ROWS", 50)
    files = []
    for partition in range(2):
        files.append(resource.parent / f"{partition}.log")
        files[-1].write_bytes(b"".join(line + b"\n" for line in log(partition)))
    expected = backtest(resource, *(option for file in files for option in ("--input", str(file))))
    found = backtest(resource, "--lake", *SPAN)
    assert expected["rate"] and len(expected["_invalid"]) == 240
    assert {name: found[name] for name in ("rate", "paths")} == {name: expected[name] for name in ("rate", "paths")}
    assert len(found["_invalid"]) == 240
    assert any('"topic":"p.raw","partition":1,"offset":3,' in line for line in found["_invalid"])


def test_a_history_that_is_left_half_read_keeps_no_thread(resource: Path) -> None:
    # The end of the process would wait for it, as after a Ctrl-C.
    (uri,) = (line.split('"')[1] for line in resource.read_text().splitlines() if "lake:" in line)
    hour = datetime(2024, 5, 1, 12, tzinfo=UTC)
    before = threading.active_count()
    log = lake_logs(uri, {}, hour, hour)[0]()
    reading = log.blocks()
    assert len(next(reading).values) > 0
    assert threading.active_count() == before


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ((), "give one of --input LOG…, --lake FROM TO and --topic"),
        (("--lake", *SPAN, "--input", "x"), "give one of --input LOG…, --lake FROM TO and --topic"),
        (("--lake", "2020-01-01", "2020-01-02"), "has no record of the hours from 2020-01-01"),
        (("--lake", "yesterday", "today"), "--lake"),
    ],
)
def test_a_history_that_is_none_says_so(resource: Path, options: tuple[str, ...], fault: str) -> None:
    command = ["backtest", "-f", str(resource), "--output", str(resource.parent / "out"), *options]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 2
    assert fault in result.output
    assert not (resource.parent / "out").exists()
