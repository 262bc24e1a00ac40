"""The writer of a lake on real Kafka and Spark: killed again and again, each record and each window is there once."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.error import HTTPError

import pyarrow.parquet as pq
import pytest

from lake_process import START, Writer, ask, counted, in_lake, on_topic, produce, record, settings_of, window
from logpipeline.lake.settings import LakeSettings
from logpipeline.report.pages import Pages
from processes import Broker


@pytest.fixture
def lake(tmp_path: Path, kafka: Broker, topic: str) -> Iterator[tuple[Writer, LakeSettings]]:
    settings = settings_of(kafka, topic, f"file://{tmp_path}/a lake")
    writer = Writer(tmp_path, settings)
    yield writer, settings
    writer.kill()


def test_each_record_and_window_is_there_once_though_the_writer_is_killed(
    kafka: Broker, topic: str, lake: tuple[Writer, LakeSettings]
) -> None:
    writer, settings = lake
    raw, results = f"{topic}.raw", f"{topic}.client-rate"
    produce(kafka, raw, map(record, range(6_000)))
    # A goal that is killed writes its last windows again.
    produce(kafka, results, map(window, [*range(300), *range(200, 400)]))
    produce(kafka, results, iter([b"no result"]))
    produce(kafka, f"{topic}.codes", map(counted, (200, 404, 404)))
    checkpoint = Path(settings.uri.removeprefix("file://")) / "_checkpoints" / "raw"
    for kills in range(1, 3):
        writer.start()
        done = 2000 * kills
        writer.wait_until(lambda tables, done=done: (tables["raw"]["offset_total"] or 0) >= done)  # type: ignore[misc]
        writer.kill()
        # As if between the table's commit and that of the checkpoint, wherever it was.
        batch = max(int(one.name) for one in (checkpoint / "offsets").iterdir() if one.name.isdigit())
        for name in (f"{batch}", f".{batch}.crc"):
            (checkpoint / "commits" / name).unlink(missing_ok=True)
    # A checkpoint that is lost costs nothing.
    shutil.rmtree(checkpoint)
    writer.start()
    writer.wait_until(lambda tables: tables["raw"]["state"] == "running")
    produce(kafka, raw, map(record, range(6_000, 7_000)))
    # Of a window whose file is there already, and of another one.
    produce(kafka, f"{topic}.codes", iter([counted(500), counted(301, 5)]))
    writer.fill_disk()
    writer.wait_until(
        lambda tables: (
            all(table["lag_records"] == 0 for table in tables.values())
            and tables["raw"]["offset_total"] == 7_000
            and tables["results"]["offset_total"] == 506
        )
    )
    assert in_lake(settings) == on_topic(kafka, raw)
    found = ask(
        settings, """select count(*), count(distinct identity), sum("count") from results where goal = 'client-rate'"""
    )
    assert found == [(400, 400, 4400)]
    _has_status_files(settings)
    (totals,) = ask(settings, "select count(*), count(invalid), count(*) filter (status = 999) from raw")
    assert totals == (7_000, 700, 700)
    tenants = ask(settings, "select fields['tenant'] t, count(*) from raw where invalid is null group by 1 order by 1")
    assert [count for _, count in tenants] == [sum(n % 4 == t and n % 10 != 3 for n in range(7_000)) for t in range(4)]
    hours = ask(
        settings,
        "select hour, count(*) from raw where invalid is null and date = DATE '2024-05-01' group by 1 order by 1",
    )
    assert [hour for hour, _ in hours] == [12, 13, 14]
    table = writer.tables()["raw"]
    assert table["files"] > 0 and table["bytes"] > 0
    _hands_out_pages(writer, settings)
    writer.kill(signal.SIGTERM)


def _has_status_files(settings: LakeSettings) -> None:
    """Each window is a file whose name is its end, with each status once, for readers that know no Delta."""
    folder = Path(settings.uri.removeprefix("file://")) / "statuses" / "goal=codes"
    noon = START * 1000
    expected = {noon + 300_000: [200, 404, 500], noon + 600_000: [301]}
    assert sorted(path.name for path in folder.glob("[!.]*")) == [f"{end}.parquet" for end in expected]
    for end, codes in expected.items():
        rows = [{"code": code, "count": code, "window_end_ms": end} for code in codes]
        assert pq.read_table(folder / f"{end}.parquet", partitioning=None).to_pylist() == rows


def _hands_out_pages(writer: Writer, settings: LakeSettings) -> None:
    """The reports of the lake are read through its writer, and nothing else of it."""
    assert json.loads(writer.get("/reports/")) == []
    pages = Pages(settings.uri, {}, "daily")
    hours = [datetime(2024, 5, 1, hour, tzinfo=UTC) for hour in (12, 13)]
    for hour in hours:
        pages.write(hour, hour, f"<p>{hour}".encode())
    pages.write(hours[0], hours[1], "<p>à deux".encode())
    listed = json.loads(writer.get("/reports/"))
    assert [(page["first"], page["last"]) for page in listed] == [
        ("2024-05-01T13", "2024-05-01T13"), ("2024-05-01T12", "2024-05-01T13"), ("2024-05-01T12", "2024-05-01T12"),
    ]  # fmt: skip
    assert writer.get(f"/reports/{listed[1]['path']}") == "<p>à deux".encode()
    assert listed[1]["bytes"] == len("<p>à deux".encode())
    for path in ("daily/2024-05-02T12--2024-05-02T12.html", "../_lake.json", "../raw/_delta_log"):
        with pytest.raises(HTTPError, match="404"):
            writer.get(f"/reports/{path}")
