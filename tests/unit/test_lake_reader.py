"""SQL over a lake: what it reads, and that it reads nothing else."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest
from click.testing import CliRunner, Result
from deltalake import write_deltalake

from logpipeline.cli import main
from logpipeline.errors import LogPipelineError
from logpipeline.lake.names import PARTITIONS
from logpipeline.lake.tables import SCHEMAS
from logpipeline.sql.reader import Limits, QueryError, open_lake, run
from logpipeline.store import check

NOW = datetime(2024, 5, 1, 11, 59, 59, tzinfo=UTC)


def lake(folder: Path) -> str:
    """A lake with three records and no result."""
    rows = [
        {"event_time": NOW, "status": status, "path": path, "fields": [("tenant", "x")], "date": day, "hour": 11}
        for status, path, day in ((200, "/a", date(2024, 5, 1)), (404, "/b", date(2024, 5, 1)), (200, "/c", date(2024, 5, 2)))
    ]  # fmt: skip
    for name, some in (("raw", rows), ("results", [])):
        table = pa.Table.from_pylist(some, SCHEMAS[name])  # type: ignore[index]
        write_deltalake(folder / name, table, partition_by=list(PARTITIONS[name]))  # type: ignore[index]
    return f"file://{folder}"


@pytest.fixture(scope="module")
def uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    return lake(tmp_path_factory.mktemp("lake") / "a 'b' é *")


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        (
            "select status, count(*), epoch_ms(time_bucket(interval 5 minutes, event_time)) + 300000 from raw "
            "where date >= DATE '2024-05-02' - 1 group by all order by 1",
            [(200, 2, 1714564800000), (404, 1, 1714564800000)],
        ),
        ("select status, count(*) from raw group by 1 order by 1", [(200, 2), (404, 1)]),
        ("from raw select path where date = DATE '2024-05-02'", [("/c",)]),
        ("select distinct event_time::text, fields['tenant'], hour from raw", [("2024-05-01 11:59:59+00", "x", 11)]),
        ("select count(*) from results", [(0,)]),
        ("select count(*) from statuses", [(0,)]),
        ("select name from (show tables) order by 1", [("raw",), ("results",), ("statuses",)]),
    ],
)
def test_tables_are_read_by_name(uri: str, query: str, rows: list[tuple[object, ...]]) -> None:
    connection = open_lake(uri, Limits())
    with run(connection, query, 60) as result:
        assert result.fetchall() == rows


def test_statuses_are_the_counts_of_goals_that_group_by_status_alone(tmp_path: Path) -> None:
    lake(tmp_path)
    end = datetime(2024, 5, 1, 12, tzinfo=UTC)
    keys = [[("status", "404")], [("status", "200")], [("host", "a")], [("host", "a"), ("status", "200")]]
    some = {"goal": "status-counts", "window_end": end, "value_name": "count", "date": end.date()}
    rows = [{**some, "key": key, "count": number, "value": float(number)} for number, key in enumerate(keys, 1)]
    write_deltalake(tmp_path / "results", pa.Table.from_pylist(rows, SCHEMAS["results"]), mode="append")
    connection = open_lake(f"file://{tmp_path}", Limits())
    with run(connection, "from statuses order by code", 60) as result:
        assert result.columns == ["code", "count", "window_end_ms", "goal", "date"]
        found = [(200, 2), (404, 1)]
        assert result.fetchall() == [(*row, 1714564800000, "status-counts", date(2024, 5, 1)) for row in found]


@pytest.mark.parametrize(
    ("query", "fault"),
    [
        ("drop view raw", "a query reads"),
        ("select 1; drop view raw", "a query reads"),
        ("copy (select 1) to '/tmp/out.csv'", "a query reads"),
        ("explain analyze copy (select 1) to '/tmp/out.csv'", "a query reads"),
        ("set threads = 64", "a query reads"),
        ("attach '/tmp/other.db'", "a query reads"),
        ("install httpfs", "a query reads"),
        ("select * from read_csv('/etc/passwd')", "Permission Error"),
        ("select * from '/etc/passwd'", "/etc/passwd"),
        ("select * from read_text('/etc/passwd')", "Permission Error"),
        ("select * from glob('/etc/*')", "Permission Error"),
        ("select getenv('HOME')", "getenv"),
        ("select * from SCHEMAS", "SCHEMAS"),
        ("select nothing from raw", "nothing"),
        ("selec 1", "syntax error"),
    ],
)
def test_a_query_that_does_more_than_read_the_lake_is_refused(uri: str, query: str, fault: str) -> None:
    connection = open_lake(uri, Limits())
    with pytest.raises(QueryError, match=fault), run(connection, query, 60) as result:
        result.fetchall()


def test_a_query_that_takes_too_much_is_stopped(uri: str) -> None:
    connection = open_lake(uri, Limits(memory=64 << 20))
    large = "select count(distinct a.range || b.range) from range(100000) a, range(1000) b"
    with pytest.raises(QueryError, match="more memory than it may"), run(connection, large, 60) as result:
        result.fetchall()


def test_a_query_that_takes_too_long_is_stopped(uri: str) -> None:
    connection = open_lake(uri, Limits())
    long = "select sum(a.range * b.range) from range(10000000) a, range(10000000) b"
    with pytest.raises(QueryError, match="took too long"), run(connection, long, 0.5) as result:
        result.fetchall()


def test_a_store_that_does_not_answer_is_one_clear_line() -> None:
    secret = {"accessKey": "a", "secretKey": "b", "endpoint": "http://127.0.0.1:9"}
    with pytest.raises(LogPipelineError) as error:
        open_lake("s3a://logs/web", Limits(), secret)
    assert error.value.message.startswith("s3a://logs/web/raw: cannot be read: ")
    assert "Connection refused" in error.value.message
    assert error.value.message.isprintable()


@pytest.mark.parametrize(
    ("entries", "fault"),
    [
        ({"accessKey": "a"}, "one of accessKey and secretKey"),
        ({"acessKey": "a", "secretKey": "b"}, "has acessKey; its keys are accessKey"),
        ({"endpoint": "minio:9000"}, "endpoint in the Secret is not an address"),
    ],
)
def test_a_secret_of_a_store_that_does_not_hold_together(entries: dict[str, str], fault: str) -> None:
    with pytest.raises(LogPipelineError, match=fault) as error:
        check(entries, "spec.lake.secretRef")
    assert not any(value in error.value.message for value in entries.values() if len(value) > 1)


def sql(uri: str, folder: Path, *arguments: str) -> Result:
    resource = {"apiVersion": "logpipeline.dev/v1alpha1", "kind": "LogPipeline", "metadata": {"name": "web"}}
    goals = [{"name": "client-rate", "preset": "client-rate"}]
    resource["spec"] = {"kafka": {"managed": {}}, "goals": goals, "lake": {"uri": uri}}
    (folder / "web.yaml").write_text(json.dumps(resource))
    return CliRunner().invoke(main, ["sql", "-f", str(folder / "web.yaml"), *arguments])


@pytest.mark.parametrize(
    ("form", "output"),
    [
        ("csv", '"status","path","day","fields","line"\n404,"/b",2024-05-01,"{""tenant"":""x""}",\n'),
        ("json", '{"status":404,"path":"/b","day":"2024-05-01","fields":{"tenant":"x"},"line":null}\n'),
    ],
)
def test_rows_for_programs(tmp_path: Path, form: str, output: str) -> None:
    uri = lake(tmp_path / "lake")
    query = "select status, path, date as day, fields, line from raw where status = 404"
    result = sql(uri, tmp_path, "--format", form, query)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == output
    parquet = tmp_path / "rows.parquet"
    assert sql(uri, tmp_path, "--format", "parquet", "-o", str(parquet), query).exit_code == 0
    assert pa.parquet.read_table(parquet)["path"].to_pylist() == ["/b"]


def test_rows_for_people_are_no_control_characters(tmp_path: Path) -> None:
    result = sql(
        lake(tmp_path / "lake"), tmp_path, "select '[bold]' || chr(27) || '[31m' as line, 2.5 as n, null as nothing"
    )
    assert "[bold]\\x1b[31m" in result.stdout
    assert result.stdout.endswith("1 row\n")


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (("drop table raw",), "error: a query reads"),
        (("--memory", "much", "select 1"), "--memory"),
        (("-o", "/proc/none/x", "--format", "csv", "select 1"), "cannot be written"),
    ],
)
def test_what_cannot_be_done_is_one_clear_line(tmp_path: Path, arguments: tuple[str, ...], fault: str) -> None:
    result = sql(lake(tmp_path / "lake"), tmp_path, *arguments)
    assert result.exit_code == 2
    assert fault in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(("made", "fault"), [(False, "there is no table"), (True, "cannot be read")])
def test_a_folder_that_is_no_lake_says_so(tmp_path: Path, made: bool, fault: str) -> None:
    if made:
        uri = lake(tmp_path / "lake")
        for entry in (tmp_path / "lake" / "raw" / "_delta_log").iterdir():
            entry.write_text('{"protocol":{"minReaderVersion":99,"minWriterVersion":99}}\n')
    else:
        uri = f"file://{tmp_path / 'lake'}"
    with pytest.raises(LogPipelineError, match=fault):
        open_lake(uri, Limits())
