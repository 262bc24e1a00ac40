"""`sql`."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import click
import duckdb
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from logpipeline.api import load
from logpipeline.api.quantity import bytes_of
from logpipeline.commands import DURATION, lake_state, resource_file, secrets_folder
from logpipeline.lake.place import lake_uri, store_secret
from logpipeline.local.state import state_folder
from logpipeline.sql.output import FORMATS, write
from logpipeline.sql.reader import Limits, open_lake, run
from logpipeline.terminal import Terminal

_POLL_SECONDS = 0.2
_QUIET_SECONDS = 1.0


@click.command()
@resource_file
@click.argument("query")
@click.option("--format", "form", type=click.Choice(list(FORMATS)), default="table", show_default=True)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False, writable=True),
    help="File to write.  [default: standard output]",
)
@click.option("--timeout", type=DURATION, default="5m", show_default=True, help="Stop a query that takes longer.")
@click.option("--memory", default="1Gi", show_default=True, help="Most memory of a query, for example 4Gi.")
@click.option("--threads", type=click.IntRange(1, 1024), default=2, show_default=True)
@lake_state
@secrets_folder
def sql(
    path: Path,
    query: str,
    form: str,
    output: Path | None,
    timeout: timedelta,
    memory: str,
    threads: int,
    state: Path | None,
    secrets: Path | None,
) -> None:
    """Ask a pipeline's lake: its records and results, by SQL.

    Tables: `raw`, every record with its columns, its line and its place on Kafka (invalid ones with the reason and
    status 999); `results`, every window of every goal. `statuses` are the results of goals that group by status alone:
    code, count, window_end_ms, goal, date. All are partitioned by `date`, raw also by `hour`: a condition
    on these leaves files unread. A query reads; it changes nothing.

    \b
    Examples:
      logpipeline sql -f nginx.yaml "select status, count(*) from raw group by all order by 2 desc"
      logpipeline sql -f nginx.yaml "select * from results where goal = 'client-rate' order by value desc limit 10"
      logpipeline sql -f nginx.yaml "from statuses where code >= 500 and date = today() order by window_end_ms desc"
      logpipeline sql -f nginx.yaml --format csv "from raw where date = today()" > today.csv
      logpipeline sql -f nginx.yaml "describe raw"
    """
    pipeline = load(path)
    uri = lake_uri(pipeline, state_folder(pipeline, state) / "lake")
    connection = open_lake(uri, Limits(_bytes(memory), threads), store_secret(pipeline, secrets))
    with _progress(connection), run(connection, query, timeout.total_seconds()) as result:
        rows = result.to_arrow_reader()
        write(rows, form, output)


def _bytes(memory: str) -> int:
    try:
        return bytes_of(memory)
    except ValueError as error:
        raise click.BadParameter(f"{memory!r}: {error}", param_hint="--memory") from error


@contextmanager
def _progress(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Show how far a query is on standard error, once it takes more than a moment."""
    done = threading.Event()

    def show() -> None:
        if done.wait(_QUIET_SECONDS):
            return
        columns = (TextColumn("sql"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
        with Progress(*columns, console=Terminal(stderr=True), transient=True) as progress:
            task = progress.add_task("", total=100)
            while not done.wait(_POLL_SECONDS):
                progress.update(task, completed=max(0.0, connection.query_progress()))

    thread = threading.Thread(target=show, daemon=True)
    if sys.stderr.isatty():
        thread.start()
    try:
        yield
    finally:
        done.set()
        if thread.is_alive():
            thread.join()
