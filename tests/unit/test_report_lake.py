"""Of a lake each row is counted once, and what was counted outlives it."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from click.testing import CliRunner, Result
from deltalake import DeltaTable, write_deltalake

from logpipeline.cli import main
from logpipeline.lake.tables import RESULTS
from logpipeline.report.counting import READ, counts
from logpipeline.report.hours import LakeHours, before
from logpipeline.report.lake import of_lake
from logpipeline.report.layout import LAYOUT, Intermediates
from logpipeline.report.merging import merge, merged
from logpipeline.sql.reader import Limits, open_lake, run
from test_backtest_lake import RESOURCE, SPAN, rows

MOMENTS = tuple(datetime.fromisoformat(f"{moment}Z") for moment in SPAN)
HOURS = [(date(2024, 5, 1), 11), (date(2024, 5, 1), 12)]
RAW = pa.Table.from_batches([rows(0), rows(1)])
OLD, NEW = RAW.filter(pc.less(RAW["offset"], 2000)), RAW.filter(pc.greater_equal(RAW["offset"], 2000))


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    lake = tmp_path / "lake"
    write_deltalake(lake / "raw", OLD, partition_by=["date", "hour"])
    results = pa.Table.from_pylist([result(11, "a", 12), result(12, "a", 30), result(12, "b", 20)], RESULTS)
    write_deltalake(lake / "results", results, partition_by=["date"])
    (tmp_path / "p.yaml").write_text(RESOURCE.format(lake=lake))
    return lake


def result(hour: int, key: str, value: float) -> dict[str, Any]:
    start, end = (datetime(2024, 5, 1, hour, 59, second, tzinfo=UTC) for second in (0, 20))
    known = {"window_start": start, "window_end": end, "date": start.date(), "value": value, "identity": f"{hour}{key}"}
    return {"goal": "rate", "key": [("client_ip", key)], **known}


def read(lake: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Intermediates, int]:
    """The intermediates of the span, and how many rows of the table were read for it."""
    count = 0

    def counted(batch: pl.DataFrame) -> Intermediates:
        nonlocal count
        count += batch.height
        return counts(batch)

    monkeypatch.setattr("logpipeline.report.hours.counts", counted)
    hours = LakeHours(f"file://{lake}", {})
    assert hours.between(*MOMENTS) == HOURS
    found = merged(hours.parts(HOURS, lambda _: None))
    assert not hours.warnings
    return found, count


def is_of(found: Intermediates, table: pa.Table) -> bool:
    expected = merge([counts(pl.DataFrame(table).select(READ))])
    return all(found[name].equals(expected[name]) for name in LAYOUT)


def test_an_hour_is_counted_once_and_what_is_new_is_added(lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found, count = read(lake, monkeypatch)
    assert is_of(found, OLD)
    assert count == OLD.num_rows
    assert read(lake, monkeypatch)[1] == 0
    write_deltalake(lake / "raw", NEW, mode="append")
    found, count = read(lake, monkeypatch)
    assert is_of(found, RAW)
    assert count == NEW.num_rows
    DeltaTable(lake / "raw").optimize.compact()
    assert read(lake, monkeypatch)[1] == 0


def test_what_retention_takes_away_stays_counted(lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read(lake, monkeypatch)
    # Some of an hour are gone before others come.
    DeltaTable(lake / "raw").delete("offset < 1500")
    write_deltalake(lake / "raw", NEW, mode="append")
    found, count = read(lake, monkeypatch)
    assert is_of(found, RAW)
    assert count == NEW.num_rows
    DeltaTable(lake / "raw").delete()
    found, count = read(lake, monkeypatch)
    assert is_of(found, RAW)
    assert count == 0


def test_a_topic_that_topic_recreated_is_counted_from_its_rows(lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read(lake, monkeypatch)
    write_deltalake(lake / "raw", OLD, mode="append")
    found, _ = read(lake, monkeypatch)
    assert is_of(found, pa.concat_tables([OLD, OLD]))


@pytest.mark.parametrize("content", [b"", b"PAR1 is not all of it", "other"])
def test_a_damaged_file_is_counted_again(lake: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | str) -> None:
    read(lake, monkeypatch)
    for file in lake.glob("report/v*/*/*.parquet"):
        if isinstance(content, str):
            pl.DataFrame({"rows": [3]}).write_parquet(file)
        else:
            file.write_bytes(content)
    found, count = read(lake, monkeypatch)
    assert is_of(found, OLD)
    assert count == OLD.num_rows


def report(lake: Path, *options: str, span: tuple[str, str] = SPAN) -> Result:
    command = ["report", "-f", str(lake.parent / "p.yaml"), "--lake", *span, "--output", str(lake.parent / "page.html")]
    return CliRunner().invoke(main, [*command, *options])


def test_a_damaged_file_without_its_rows_is_named(lake: Path) -> None:
    assert report(lake).exit_code == 0
    DeltaTable(lake / "raw").delete()
    (file,) = lake.glob("report/v*/*/hour=11.parquet")
    file.write_bytes(b"damaged")
    found = report(lake)
    assert found.exit_code == 0, found.output
    assert f"warning: file://{lake}/{file.relative_to(lake)}: is damaged and its records are gone" in found.stderr
    assert "records   1,683" in found.stdout


def test_the_page_of_a_lake_has_detections_and_the_period_before(lake: Path) -> None:
    result = report(lake, span=(SPAN[1], SPAN[1]))
    assert result.exit_code == 0, result.output
    page = (lake.parent / "page.html").read_text()
    assert "Compared with the period before" in page
    command = ["report", "-f", str(lake.parent / "p.yaml"), "--lake", SPAN[1], SPAN[1], "--format", "json"]
    found = json.loads(CliRunner().invoke(main, command).stdout)
    (goal,) = found["detections"]
    assert [goal[name] for name in ("goal", "windows", "keys", "peak", "peak_key")] == ["rate", 2, 2, 30, "a"]
    records, *_ = found["before"]
    assert (records["before"], records["now"]) == (2317, 1683)
    assert records["change"] == pytest.approx((1683 - 2317) / 2317)
    assert report(lake).exit_code == 0


def test_a_lake_that_may_only_be_read_is_reported(lake: Path) -> None:
    (lake / "report/v1").mkdir(parents=True)
    (lake / "report/v1/date=2024-05-01").write_text("in the way")
    result = report(lake)
    assert result.exit_code == 0, result.output
    assert result.stderr.count("what was counted is not kept") == 1
    assert "records   4,000" in result.stdout


def test_the_query_of_each_panel_finds_records(lake: Path) -> None:
    made = of_lake("p", ["rate"], f"file://{lake}", {}, MOMENTS, 5)
    connection = open_lake(f"file://{lake}", Limits(threads=1))
    asked = {panel.name: panel.query for panel in made.panels if panel.rows and panel.query}
    assert len(asked) > 12
    for name, query in asked.items():
        with run(connection, query, None) as found:
            assert found.limit(1).fetchall(), name


def test_a_span_without_records_says_so(lake: Path) -> None:
    result = report(lake, span=("2020-01-01", "2020-01-02"))
    assert result.exit_code == 2
    assert "has no record of the hours from 2020-01-01" in result.output


def test_the_period_before_is_as_long() -> None:
    first, last = datetime(2024, 5, 1, 8, 30, tzinfo=UTC), datetime(2024, 5, 1, 10, tzinfo=UTC)
    assert before(first, last) == (datetime(2024, 5, 1, 5, tzinfo=UTC), datetime(2024, 5, 1, 7, tzinfo=UTC))
    assert before(datetime(1, 1, 1, tzinfo=UTC), last) is None
