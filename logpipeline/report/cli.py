"""`report`."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click

from logpipeline.api import LogPipeline, load
from logpipeline.backtest.history import Given, history
from logpipeline.backtest.history import options as history_options
from logpipeline.commands import lake_options, resource_file
from logpipeline.errors import LogPipelineError
from logpipeline.lake.place import lake_uri, store_secret
from logpipeline.local.state import state_folder
from logpipeline.plain import plain_json, say, size, write
from logpipeline.report.logs import of_logs
from logpipeline.report.page import numbers, page
from logpipeline.report.panels import Report
from logpipeline.report.queries import command
from logpipeline.report.settings import report_settings
from logpipeline.rules import detecting


@click.command()
@resource_file
@history_options
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="File of the page.  [default: report.html]",
)
@click.option("--name", "scheduled", help="A report of spec.reports: its page of the last full hours goes to the lake.")
@click.option("--top", "most", type=click.IntRange(1, 1000), default=20, show_default=True, help="Rows of a panel.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["html", "json"]),
    default="html",
    show_default=True,
    help="json: the numbers on standard output instead of a page.",
)
def report(
    path: Path,
    given: Given,
    output: Path | None,
    scheduled: str | None,
    most: int,
    form: str,
) -> None:
    """Write a page about the records in log files, or in a pipeline's lake.

    Requests, clients and bytes over time, the heaviest paths, hosts, clients, referrers and agents, errors, the slowest
    endpoints, what is missing and what is invalid; of a lake also what its goals have found, and the change against as
    many hours before. The page is one file without scripts that opens from the disk.

    Files of any size are read in constant memory. Of a lake each record is counted once: what was counted of an hour is
    kept in it under report/, and is there when its records are no more.

    \b
      logpipeline report -f nginx.yaml --input access.log -o today.html
      logpipeline report -f nginx.yaml --input access.log.1.gz --input access.log --top 50
      logpipeline report -f nginx.yaml --lake 2024-05-01 2024-05-31T23:00 -o may.html
      logpipeline report -f nginx.yaml --input access.log --format json | jq '.slowest[:3]'
      logpipeline report -f nginx.yaml --name daily
    """
    if scheduled is not None:
        if output or form == "json" or given.inputs or given.span or given.topic:
            raise LogPipelineError(
                "--name: the resource says what is read and where the page goes; give no other input or output"
            )
        _write_scheduled(load(path), scheduled, given)
        return
    if form == "json":
        if output:
            raise LogPipelineError("--output: is where the page goes; --format json writes to standard output")
        made = _made(load(path), given, most)
        write(plain_json(numbers(made).encode()).decode())
        return
    output = output or Path("report.html")
    pipeline = load(path)
    with _replacing(output) as put:
        made = _made(pipeline, given, most)
        options = lake_options(path, given.state, given.secrets)
        ask = functools.partial(command, options) if pipeline.spec.lake else None
        content = page(made, ask).encode()
        put(content)
    for name, value in (*_summary(made), ("page", f"{output} ({size(len(content))})")):
        say(f"{name:<8}  {value}")


def _made(pipeline: LogPipeline, given: Given, most: int) -> Report:
    hours = given.hours()
    if hours is None or given.inputs or given.topic:
        return of_logs(pipeline, history(pipeline, given), most)
    # Files alone need nothing that reads Delta.
    from logpipeline.report.lake import of_lake  # noqa: PLC0415

    secret = store_secret(pipeline, given.secrets)
    return of_lake(pipeline.name, detecting(pipeline), _uri(pipeline, given), secret, hours, most)


def _uri(pipeline: LogPipeline, given: Given) -> str:
    return lake_uri(pipeline, state_folder(pipeline, given.state) / "lake")


def _write_scheduled(pipeline: LogPipeline, name: str, given: Given) -> None:
    """Write the page of a report of the resource, as its CronJob does on a cluster."""
    reports = {report.name: report for report in pipeline.spec.reports}
    if name not in reports:
        known = f"it has {', '.join(reports)}" if reports else "it has none, see spec.reports"
        raise LogPipelineError(f"--name: {pipeline.name} has no report {name!r}; {known}")
    from logpipeline.report.job import write_page  # noqa: PLC0415

    settings = report_settings(pipeline, reports[name], _uri(pipeline, given))
    write_page(settings, store_secret(pipeline, given.secrets), datetime.now(UTC))


@contextmanager
def _replacing(path: Path) -> Iterator[Callable[[bytes], None]]:
    """Give what replaces the file `path` as a whole; that it cannot be written is known at once."""
    new = path.with_name(f".{path.name}.{os.getpid()}")

    def put(content: bytes) -> None:
        with _writing(path):
            new.write_bytes(content)
            new.replace(path)

    with _writing(path):
        if path.exists() and not path.is_file():
            raise LogPipelineError(f"--output: {path}: is no file; name one to be written")
        new.touch()
    try:
        yield put
    finally:
        new.unlink(missing_ok=True)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise LogPipelineError(f"--output: {path}: cannot be written: {error.strerror}; name another file") from error


def _summary(made: Report) -> Iterator[tuple[str, str]]:
    facts = dict(zip((column.name for column in made.facts.columns), made.facts.rows[0], strict=True))
    yield "records", f"{facts['records']:,}, of which {facts['invalid']:,} are invalid"
    yield "span", f"{facts['first'] or '–'} to {facts['last'] or '–'} (UTC)"
    yield "clients", f"{facts['clients']:,}"
    yield "bytes", size(facts["bytes"])
    yield "errors", f"{facts['client_errors']:.1%} 4xx, {facts['server_errors']:.1%} 5xx"
    yield "peak", f"{facts['peak']:,} requests in a second, at {facts['peak_at'] or '–'}"
