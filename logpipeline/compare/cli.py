"""`diff`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import polars as pl
from rich.table import Table

from logpipeline.api import LogPipeline, load
from logpipeline.backtest.files import is_stream
from logpipeline.backtest.history import Given, History, history
from logpipeline.backtest.history import options as history_options
from logpipeline.backtest.progress import reading
from logpipeline.backtest.run import Summary
from logpipeline.backtest.run import backtest as run
from logpipeline.compare.detections import (
    Difference,
    MetricDifference,
    compare,
    compare_metric,
    detections,
    read_windows,
)
from logpipeline.errors import LogPipelineError
from logpipeline.plain import plain_json, say, write
from logpipeline.rules import Rule, episode_gap, rule_of
from logpipeline.terminal import Terminal, styled

_STYLES = {"−": "red", "+": "green", "~": "yellow"}


@click.command()
@click.argument("resources", nargs=-1, required=True, type=click.Path(path_type=Path))
@history_options
@click.option("--goal", "names", multiple=True, help="Goal to compare; may be given several times. Absent: all.")
@click.option("--most", type=click.IntRange(0), default=10, show_default=True, help="Detections to show of each kind.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def diff(
    resources: tuple[Path, ...],
    given: Given,
    names: tuple[str, ...],
    most: int,
    form: str,
) -> None:
    """Compare what versions of the rules find in the same logs, or in the first resource's lake or raw topic.

    The first resource is compared with each of the others: which detections the other one finds more, less, earlier and
    later. A detection is a run of windows that pass `having`, as one alert would be; it is found when its first window
    ends. Of a goal without `having` the values of its windows are compared.

    \b
      logpipeline diff live.yaml stricter.yaml --input access.log
      logpipeline diff live.yaml a.yaml b.yaml --input access.log.1.gz --input access.log --goal client-rate
      logpipeline diff live.yaml stricter.yaml --lake 2024-05-01 2024-05-07
    """
    if len(resources) < 2:
        raise LogPipelineError("diff: give two resources or more, the one to compare with first")
    pipelines = [load(path) for path in resources]
    past = history(pipelines[0], given)
    if (once := next(filter(is_stream, past.files), None)) is not None:
        raise LogPipelineError(f"--input: {once}: can be read once, and each resource reads it; give a file")
    with TemporaryDirectory(prefix="logpipeline-diff-") as folder:
        results = [
            _Results(path, pipeline, Path(folder, str(number)))
            for number, (path, pipeline) in enumerate(zip(resources, pipelines, strict=True))
        ]
        _run_all(results, past, names)
        first, *others = results
        for other in others:
            differences = [_Compared(first, other, name) for name in _common(first, other, names)]
            if form == "json":
                for one in differences:
                    write(plain_json(json.dumps(one.document()).encode()).decode() + "\n")
            else:
                _show(first, other, differences, names, most)


class _Results:
    """What a resource's goals find."""

    def __init__(self, path: Path, pipeline: LogPipeline, folder: Path) -> None:
        self.path = path
        self.pipeline = pipeline
        self.folder = folder
        self.goals = {goal.name: goal for goal in pipeline.spec.goals}
        self.rules = {name: rule_of(goal) for name, goal in self.goals.items()}
        self.summary = Summary()

    def windows(self, name: str) -> pl.DataFrame:
        return read_windows(self.folder / f"{name}.jsonl", self.rules[name])

    def detections(self, name: str) -> pl.DataFrame:
        return detections(self.windows(name), episode_gap(self.goals[name]))


class _Compared:
    """One goal of two resources."""

    def __init__(self, first: _Results, other: _Results, name: str) -> None:
        self.name = name
        self.a, self.b = first.rules[name], other.rules[name]
        self.difference: Difference | MetricDifference | None = None
        self.counts = (0, 0)
        if self.a.group_by != self.b.group_by or self.a.detects != self.b.detects:
            return
        if not self.a.detects:
            windows = first.windows(name), other.windows(name)
            self.difference = compare_metric(*windows)
            self.counts = (windows[0].height, windows[1].height)
        else:
            found = first.detections(name), other.detections(name)
            self.difference = compare(*found)
            self.counts = (found[0].height, found[1].height)

    def document(self) -> dict[str, Any]:
        """Return all of it as JSON."""
        known: dict[str, Any] = {"goal": self.name, "a": meaning(self.a), "b": meaning(self.b)}
        match self.difference:
            case Difference() as found:
                parts = {"onlyA": found.only_a, "onlyB": found.only_b, "moved": found.moved}
                known |= {part: [_row(row) for row in frame.to_dicts()] for part, frame in parts.items()}
                known["same"] = found.same
            case MetricDifference() as found:
                known |= {"onlyA": found.only_a, "onlyB": found.only_b, "same": found.same}
                known["changed"] = [_row(row) for row in found.changed.to_dicts()]
            case None:
                known["comparable"] = False
        return known


def _row(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "key": json.loads(row["key"])}


def _run_all(results: Sequence[_Results], past: History, names: Sequence[str]) -> None:
    with reading(files=bool(past.files)) as progress:
        for one in results:
            wanted = [rule for name, rule in one.rules.items() if not names or name in names]
            if not wanted:
                raise LogPipelineError(
                    f"--goal: {one.path} has no goal {', '.join(names)}; it has {', '.join(one.rules)}"
                )
            task = progress.add_task(str(one.path), total=past.total)
            one.summary = run(
                one.pipeline.spec.source,
                wanted,
                past.logs,
                one.folder,
                lambda done, task=task: progress.update(task, completed=done),  # type: ignore[misc]
            )


def _common(first: _Results, other: _Results, names: Sequence[str]) -> list[str]:
    return [name for name in first.rules if name in other.rules and (not names or name in names)]


def meaning(rule: Rule) -> str:
    """Return what a rule finds, in words."""
    return rule.meaning() + ("" if rule.limit is None else f" > {rule.limit}")


def _show(first: _Results, other: _Results, differences: Sequence[_Compared], names: Sequence[str], most: int) -> None:
    terminal = Terminal()
    say(f"A {first.path}    B {other.path}    {first.summary.records:,} records")
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name, justify in (
        ("GOAL", "left"), ("A FINDS", "right"), ("B FINDS", "right"), ("ONLY A", "right"), ("ONLY B", "right"),
        ("B EARLIER", "right"), ("B LATER", "right"), ("SAME", "right"),
    ):  # fmt: skip
        table.add_column(name, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    for one in differences:
        table.add_row(one.name, *_numbers(one))
    terminal.print(table)
    for one in differences:
        _details(terminal, one, most)
    for whose, lacks in ((first, other), (other, first)):
        alone = [name for name in whose.rules if name not in lacks.rules and (not names or name in names)]
        if alone:
            say(f"only {whose.path} has {', '.join(alone)}")


def _numbers(one: _Compared) -> list[str]:
    counts = [f"{count:,}" for count in one.counts]
    match one.difference:
        case Difference() as found:
            earlier = found.moved.filter(pl.col("seconds") < 0).height
            numbers = (found.only_a.height, found.only_b.height, earlier, found.moved.height - earlier, found.same)
        case MetricDifference() as found:
            return [*counts, f"{found.only_a:,}", f"{found.only_b:,}", "–", "–", f"{found.same:,}"]
        case None:
            return ["–"] * 7
    return [*counts, *(f"{number:,}" for number in numbers)]


def _details(terminal: Terminal, one: _Compared, most: int) -> None:
    if one.difference is None:
        say("")
        say(f"{one.name}: cannot be compared, for A is {meaning(one.a)} and B is {meaning(one.b)}")
        return
    rows = list(_rows(one, most))
    if meaning(one.a) == meaning(one.b) and not rows:
        return
    say("")
    say(f"{one.name}: A {meaning(one.a)}")
    say(f"{' ' * len(one.name)}  B {meaning(one.b)}")
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 2))
    for sign, *cells in rows:
        table.add_row(styled(sign, _STYLES.get(sign, "dim")), *map(styled, cells))
    terminal.print(table)


def _rows(one: _Compared, most: int) -> Iterator[tuple[str, ...]]:
    match one.difference:
        case Difference() as found:
            for sign, frame in (("−", found.only_a), ("+", found.only_b)):
                top = frame.sort("peak", "known", "key", descending=[True, False, False])
                for row in top.head(most).to_dicts():
                    span = f"{_moment(row['first'])} – {_moment(row['last'])}"
                    yield sign, _key(row["key"]), span, f"peak {row['peak']:,.6g}"
                yield from _more(top.height - most)
            far = found.moved.sort(pl.col("seconds").abs(), "known_a", "key", descending=[True, False, False])
            for row in far.head(most).to_dicts():
                how = "later" if row["seconds"] > 0 else "earlier"
                yield "~", _key(row["key"]), f"found {_moment(row['known_b'])}", f"{abs(row['seconds']):,} s {how}"
            yield from _more(far.height - most)
        case MetricDifference() as found:
            for row in found.changed.head(most).to_dicts():
                yield "~", _key(row["key"]), _moment(row["start"]), f"{row['value_a']:,.6g} → {row['value_b']:,.6g}"
            yield from _more(found.changed.height - most)


def _more(count: int) -> Iterator[tuple[str, ...]]:
    if count > 0:
        yield "", f"and {count:,} more", "", ""


def _key(key: str) -> str:
    return "|".join(json.loads(key))


def _moment(epoch: int) -> str:
    return datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%d %H:%M:%S")
