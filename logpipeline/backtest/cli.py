"""`backtest`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.progress import TransferSpeedColumn
from rich.table import Table

from logpipeline.api import load
from logpipeline.backtest.history import Given, history
from logpipeline.backtest.history import options as history_options
from logpipeline.backtest.progress import reading
from logpipeline.backtest.run import INVALID, Summary
from logpipeline.backtest.run import backtest as run
from logpipeline.commands import resource_file
from logpipeline.errors import LogPipelineError
from logpipeline.plain import say
from logpipeline.rules import Rule, chosen_rules
from logpipeline.terminal import Terminal

_MANY_INVALID = 0.05


@click.command()
@resource_file
@history_options
@click.argument("more", nargs=-1, type=click.Path(path_type=Path))
@click.option("--goal", "names", multiple=True, help="Goal to test; may be given several times. Absent: all.")
@click.option(
    "--output",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for the results, <goal>.jsonl each.",
)
@click.option(
    "--max-invalid",
    type=click.FloatRange(0, 100),
    help="With more percent of the records invalid the exit code is 1. Absent: when all are.",
)
def backtest(
    path: Path,
    given: Given,
    more: tuple[Path, ...],
    names: tuple[str, ...],
    output: Path,
    max_invalid: float | None,
) -> None:
    """Run the goals over log files, the lake or the raw topic, as they would have run live.

    Every rule gives its final results, those with `emit: early` too: the same windows, with the count when they closed.
    Rotated files and the files of several servers may be given in any order. Files of any size are read in constant
    memory, whatever they are packed with; of one that is cut off what can be read counts, and the rest is named.

    \b
      logpipeline backtest -f nginx.yaml --input access.log.*.gz --output results/
      zcat access.log.*.Z | logpipeline backtest -f nginx.yaml --input - --output results/
      logpipeline backtest -f nginx.yaml --input access.log --goal client-rate --output results/
      logpipeline backtest -f nginx.yaml --lake 2024-05-01T08:00 2024-05-01T12:00 --output results/
      logpipeline backtest -f nginx.yaml --topic --output results/
    """
    pipeline = load(path)
    chosen = chosen_rules(pipeline, names)
    past = history(pipeline, replace(given, inputs=(*given.inputs, *more)))
    console = Terminal()
    started = time.monotonic()
    speed = (TransferSpeedColumn(),) if past.files else ()
    with reading(*speed, files=bool(past.files)) as progress:
        task = progress.add_task("backtest", total=past.total)
        try:
            summary = run(
                pipeline.spec.source,
                chosen,
                past.logs,
                output,
                lambda done: progress.update(task, completed=done),
                keep=past.files,
            )
        except OSError as error:
            raise LogPipelineError(f"--output: {output}: cannot be written: {error.strerror}") from error
    seconds = time.monotonic() - started
    console.print(_table(summary, chosen))
    for line in _remarks(summary, output, pipeline.spec.source.allowed_lateness.total_seconds()):
        say(line)
    say(
        f"{summary.records:,} records, {seconds:.1f} s ({summary.records / seconds:,.0f} a second); results: {output}",
        err=True,
    )
    if fault := _too_many_invalid(summary, max_invalid):
        say(f"error: {fault}", err=True)
        raise SystemExit(1)


def _too_many_invalid(summary: Summary, most: float | None) -> str | None:
    """Return what is wrong where more than `most` percent of the records are invalid, and where all are; else None."""
    if not summary.invalid:
        return None
    share = 100 * summary.invalid / summary.records
    if share == 100 and most is None:
        return "not one record is valid: does source.format say how the log is written?"
    if most is not None and share > most:
        return f"--max-invalid: {share:.3g} % of the records are invalid, more than {most:g} %"
    return None


def _table(summary: Summary, rules: list[Rule]) -> Table:
    table = Table(box=None, pad_edge=False)
    for name, justify in (
        ("GOAL", "left"),
        ("RESULTS", "right"),
        ("KEYS", "right"),
        ("FIRST", "left"),
        ("LAST", "left"),
        ("PEAK", "right"),
        ("OF", "left"),
    ):
        table.add_column(name, justify=justify, overflow="ellipsis", no_wrap=True)  # type: ignore[arg-type]
    for rule in rules:
        goal = summary.goals[rule.name]
        peak = "–" if goal.peak is None else f"{goal.peak:,.6g}"
        table.add_row(
            rule.name,
            f"{goal.results:,}",
            f"{len(goal.keys):,}",
            _moment(goal.first),
            _moment(goal.last),
            peak,
            goal.peak_key,
        )
    return table


def _moment(epoch: int | None) -> str:
    return "–" if epoch is None else datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _remarks(summary: Summary, output: Path, lateness: float) -> Iterator[str]:
    """Yield lines that account for every file and record that did not count."""
    for path in summary.empty_logs:
        yield f"{path}: is empty, passed over"
    yield from summary.remarks
    if summary.invalid:
        reasons = output / f"{INVALID}.jsonl"
        yield f"invalid: {summary.invalid:,} of {summary.records:,} records, with the reasons in {reasons}"
        if summary.invalid > _MANY_INVALID * summary.records:
            yield "many are invalid: `logpipeline detect LOG` looks for the format, timestamp and fields that fit"
    if summary.empty:
        yield f"empty lines: {summary.empty:,}"
    if summary.too_long:
        yield f"longer than 16 MiB: {summary.too_long:,} lines, left out"
    for name, goal in summary.goals.items():
        if goal.incomplete:
            yield f"{name}: {goal.incomplete:,} records lack a field of its key or value"
        if goal.shortened:
            yield f"{name}: {goal.shortened:,} records have a key longer than 1 KiB, which is shortened"
        if goal.late:
            yield f"{name}: {goal.late:,} records were dropped, later than source.allowedLateness ({lateness:g} s)"
