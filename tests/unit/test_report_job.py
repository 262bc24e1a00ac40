"""The pages of scheduled reports: which hours they are about, where they are, how long they stay."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from click.testing import CliRunner
from deltalake import write_deltalake

from logpipeline.cli import main
from logpipeline.lake.tables import RESULTS
from logpipeline.report.__main__ import due
from logpipeline.report.__main__ import main as job
from logpipeline.report.hours import hours_before
from logpipeline.report.job import write_page
from logpipeline.report.settings import ReportSettings
from logpipeline.settings import to_text
from test_backtest_lake import RESOURCE, rows

# The records are of 11:59 and 12:00.
NOON = datetime(2024, 5, 1, 12, 59, tzinfo=UTC)
PAGES = "report/pages/daily"


def settings_of(lake: Path, hours: int = 1, keep: float = 7200) -> ReportSettings:
    return ReportSettings(
        pipeline="p", report="daily", uri=f"file://{lake}", goals=["rate"], hours=hours, keep=keep, top=5
    )


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    lake = tmp_path / "a lake"
    write_deltalake(lake / "raw", pa.Table.from_batches([rows(0), rows(1)]), partition_by=["date", "hour"])
    write_deltalake(lake / "results", RESULTS.empty_table(), partition_by=["date"])
    return lake


def pages(lake: Path) -> list[str]:
    return sorted(path.name for path in (lake / PAGES).glob("*"))


@pytest.mark.parametrize(
    ("moment", "hours", "first", "last"),
    [
        ("2024-05-02T00:10", 24, "2024-05-01T00", "2024-05-01T23"),
        ("2024-05-02T00:00", 24, "2024-05-01T00", "2024-05-01T23"),
        ("2024-05-02T00:59", 1, "2024-05-01T23", "2024-05-01T23"),
        ("2024-03-01T06:00", 168, "2024-02-23T06", "2024-03-01T05"),
    ],
)
def test_a_page_is_about_the_full_hours_before_it_was_due(moment: str, hours: int, first: str, last: str) -> None:
    found = hours_before(datetime.fromisoformat(f"{moment}Z"), hours)
    assert [f"{one:%Y-%m-%dT%H}" for one in found] == [first, last]


def test_the_name_of_a_job_says_when_it_was_due() -> None:
    moment = datetime(2024, 5, 2, 0, 10, tzinfo=UTC)
    assert due(f"web-report-daily-{int(moment.timestamp()) // 60}") == moment
    assert due("web-report-daily-by-hand-2") is None
    assert due(None) is None


def test_a_page_is_written_again_in_its_place_and_goes_when_it_is_old(lake: Path) -> None:
    for _ in range(2):
        write_page(settings_of(lake), {}, NOON)
    assert pages(lake) == ["2024-05-01T11--2024-05-01T11.html"]
    assert "<title>Report of p</title>" in (lake / PAGES / pages(lake)[0]).read_text()
    (lake / PAGES / "notes.html").write_text("not ours")
    write_page(settings_of(lake), {}, NOON + timedelta(hours=1))
    assert pages(lake) == [f"2024-05-01T{hour}--2024-05-01T{hour}.html" for hour in (11, 12)] + ["notes.html"]
    # Of the last hour, 13, there is no record; that of 11 began more than two hours before it only with the next one.
    write_page(settings_of(lake), {}, NOON + timedelta(hours=2))
    assert pages(lake)[0] == "2024-05-01T11--2024-05-01T11.html"
    write_page(settings_of(lake), {}, NOON + timedelta(hours=3))
    assert pages(lake) == ["2024-05-01T12--2024-05-01T12.html", "notes.html"]


def test_hours_without_records_are_no_failure(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_page(settings_of(lake), {}, NOON + timedelta(days=9))
    assert "no page: " in capsys.readouterr().out
    assert pages(lake) == []


def test_its_container_reads_its_settings(lake: Path, tmp_path: Path) -> None:
    path = tmp_path / "report.yaml"
    path.write_text(to_text(settings_of(lake, hours=24)))
    minutes = int(datetime(2024, 5, 2, 0, 10, tzinfo=UTC).timestamp()) // 60
    found = CliRunner().invoke(job, ["--settings", str(path), "--job", f"p-report-daily-{minutes}"])
    assert found.exit_code == 0, found.output
    assert pages(lake) == ["2024-05-01T00--2024-05-01T23.html"]
    path.write_text("pipeline: p\n")
    found = CliRunner().invoke(job, ["--settings", str(path)])
    assert found.exit_code == 2
    assert "report.yaml: report: Field required" in found.output


def test_on_one_machine_it_is_a_command(lake: Path, tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(
        RESOURCE.format(lake=lake.rename(tmp_path / "lake")) + "  reports: [{name: daily, schedule: '@daily'}]\n"
    )

    def report(*options: str) -> tuple[int, str]:
        found = CliRunner().invoke(main, ["report", "-f", str(path), *options])
        return found.exit_code, found.output

    code, output = report("--name", "daily")
    # Today has no records.
    assert code == 0, output
    assert "no page: " in output
    assert report("--name", "weekly") == (2, "error: --name: p has no report 'weekly'; it has daily\n")
    code, output = report("--name", "daily", "--input", "access.log")
    assert code == 2
    assert "--name: the resource says what is read" in output
