"""Runs rules over files.

Each file has its own clock, like a Kafka partition, and the file whose clock is behind is read next. So rotated logs go
one after the other and the logs of several servers go side by side, whatever order they are named in, and state stays
as small as it is live.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

import polars as pl

from logpipeline.api.source import Source
from logpipeline.backtest.logs import Block, Log, Open
from logpipeline.errors import LogPipelineError
from logpipeline.kernel import cells, shard
from logpipeline.kernel.invalid import describe
from logpipeline.kernel.records import RecordReader, needed
from logpipeline.kernel.results import results
from logpipeline.kernel.shard import Shard
from logpipeline.kernel.watermark import Progress, earlier
from logpipeline.kernel.windows import BEGINNING, END
from logpipeline.rules import Rule

# No goal can have this name.
INVALID = "_invalid"


@dataclass
class GoalSummary:
    """What a rule gave: results, their keys, the first and last window start (epoch seconds), and the greatest
    value with its key.
    """

    results: int = 0
    keys: set[str] = field(default_factory=set)
    first: int | None = None
    last: int | None = None
    peak: float | None = None
    peak_key: str = ""
    late: int = 0
    incomplete: int = 0
    shortened: int = 0


@dataclass
class Summary:
    """What a backtest read and gave."""

    records: int = 0
    invalid: int = 0
    empty: int = 0
    too_long: int = 0
    empty_logs: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    goals: dict[str, GoalSummary] = field(default_factory=dict)


@dataclass
class _Goal:
    rule: Rule
    state: Shard
    output: IO[str]
    summary: GoalSummary


@dataclass
class _Reading:
    file: Log
    blocks: Iterator[Block]
    event_ms: int | None = None


def backtest(
    source: Source,
    rules: Sequence[Rule],
    logs: Sequence[Open],
    output: Path,
    report: Callable[[int], None],
    *,
    keep: Sequence[Path] = (),
) -> Summary:
    """Write `<goal>.jsonl` with the final results of each rule, and `_invalid.jsonl`, into the folder `output`; return
    the summary.

    The files of an earlier run are replaced when all of it is read. `report` is called with how much of the logs is
    read so far. Raises LogPipelineError when a log cannot be read, when all are empty, and when a file to be written is
    one of those to `keep`.
    """
    summary = Summary(goals={rule.name: GoalSummary() for rule in rules})
    final = [replace(rule, early=False) for rule in rules]
    with contextlib.ExitStack() as opened:
        files = [opened.enter_context(contextlib.closing(log())) for log in logs]
        if all(file.size == 0 for file in files):
            raise LogPipelineError(
                f"--input: {', '.join(file.name for file in files)}: is empty, there is nothing to test"
            )
        _keep_inputs(keep, [output / f"{name}.jsonl" for name in (*summary.goals, INVALID)])
        output.mkdir(parents=True, exist_ok=True)
        folder = Path(opened.enter_context(TemporaryDirectory(prefix=".backtest-", dir=output)))
        with contextlib.ExitStack() as written:

            def writer(name: str) -> IO[str]:
                return written.enter_context((folder / f"{name}.jsonl").open("w", encoding="utf-8"))

            goals = [_Goal(rule, shard.new_shard(), writer(rule.name), summary.goals[rule.name]) for rule in final]
            _read_all(files, RecordReader(source, needed(final)), goals, source, summary, writer(INVALID), report)
        for path in folder.iterdir():
            path.replace(output / path.name)
    summary.empty_logs = [file.name for file in files if file.is_empty()]
    summary.remarks = [line for file in files for line in file.remarks]
    summary.empty = sum(file.empty for file in files)
    summary.too_long = sum(file.too_long for file in files)
    return summary


def _keep_inputs(inputs: Sequence[Path], outputs: Sequence[Path]) -> None:
    for written in outputs:
        for read in inputs:
            if written.exists() and read.exists() and written.samefile(read):
                raise LogPipelineError(
                    f"--output: {written} is an input, {read}, and would be overwritten; give another folder"
                )


def _read_all(
    files: list[Log],
    reader: RecordReader,
    goals: list[_Goal],
    source: Source,
    summary: Summary,
    invalid: IO[str],
    report: Callable[[int], None],
) -> None:
    lateness_ms = round(source.allowed_lateness.total_seconds() * 1000)
    readings = [_Reading(file, file.blocks()) for file in files]
    watermark, since = BEGINNING, END
    while readings:
        # A file of which nothing is known yet comes first.
        reading = min(readings, key=lambda one: -1 << 62 if one.event_ms is None else one.event_ms)
        block = next(reading.blocks, None)
        if block is None:
            readings.remove(reading)
        else:
            records = reader.read(block.values, block.arrival_ms)
            first = records["second"].min()
            if isinstance(first, int):
                since = earlier(since, first, watermark)
            newest = records["event_ms"].max()
            if isinstance(newest, int):
                reading.event_ms = newest if reading.event_ms is None else max(newest, reading.event_ms)
            elif reading.event_ms is None:
                # Not one valid record in the block: as long as that lasts, the file must not keep the others from being
                # read.
                reading.event_ms = BEGINNING * 1000
            summary.records += records.height
            summary.invalid += _tell_invalid(records, block, invalid)
        clocks = [one.event_ms for one in readings]
        if clocks and None not in clocks:
            watermark = max(watermark, (min(clock for clock in clocks if clock is not None) - lateness_ms) // 1000)
        for goal in goals:
            batch = cells.empty(goal.rule)
            if block is not None:
                batch, incomplete, long = cells.count(records, goal.rule)
                goal.summary.incomplete += incomplete
                goal.summary.shortened += long
            _advance(goal, batch, Progress(watermark if readings else END, since=since))
        report(sum(file.position() for file in files))


def _advance(goal: _Goal, batch: pl.DataFrame, progress: Progress) -> None:
    goal.state, outcome = shard.advance(goal.state, batch, progress, goal.rule)
    goal.summary.late += outcome.late
    for windows in outcome.windows:
        if not windows.is_empty():
            _write(goal, windows)


def _write(goal: _Goal, windows: pl.DataFrame) -> None:
    summary = goal.summary
    for key, value in results(windows, goal.rule):
        goal.output.write(value + "\n")
        summary.keys.add(key)
    summary.results += windows.height
    starts = [start for start in (summary.first, summary.last) if start is not None]
    starts += windows.select(pl.col("start").min(), last=pl.col("start").max()).row(0)
    summary.first, summary.last = min(starts), max(starts)
    name = "n" if goal.rule.field is None else "value"
    top = windows.sort(name, descending=True).row(0, named=True)
    if summary.peak is None or top[name] > summary.peak:
        summary.peak, summary.peak_key = top[name], "|".join(top[key] for key in cells.key_names(goal.rule))


def _tell_invalid(records: pl.DataFrame, block: Block, output: IO[str]) -> int:
    bad = records.with_row_index("row").filter(pl.col("invalid").is_not_null()).select("row", "invalid")
    for row, reason in bad.iter_rows():
        output.write(describe(reason, block.place(row), block.values[row].as_py()) + "\n")
    return bad.height
