"""What was measured, as results.json, results.md and results.svg."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import distributions, version
from pathlib import Path

import psutil
from engines import BOUND, CACHE, ENGINES, HERE, OURS, Run
from workload import GOALS, PARALLELISM, RATE

_HEAD = """# The goals, side by side

Written by `make bench`; `bench/goals` says how. Every engine reads the same JSON records from one broker on the same
machine: two partitions at parallelism {parallelism}, {rate:,} records a second of event time from 500,000 clients and
1,000 hosts, a fifth of them up to 1 s out of order; each engine in turn, {repeat}. Its windows were compared with
DuckDB's before its time counted. *turns* are fewer for what is slow: Quix Streams and Flink SQL with RocksDB. Quix
Streams has one process and one partition: of two, it lost records of the one that it read behind the other.

*records/s* and *records/CPU s* are those of the difference between a long and a short run, so start-up is not in them:
it is a column of its own. *bound* is the share of what plain Spark reads from Kafka into nothing, with the consumer
tuned as in LogPipeline. Memory is that of all processes of an engine, *state* what its checkpoints hold on disk at the
end. Slow engines were given fewer records, what only reads more: their number is in the tables.

{machine}

![records a second by goal and engine](results.svg)
"""

_BOUNDS = [engine.name for engine in ENGINES.values() if not engine.answers]


@dataclass(frozen=True)
class Measured:
    """An engine on a goal: a run over `records` records and one over `short`."""

    engine: str
    goal: str
    records: int
    short: int
    long_run: Run
    short_run: Run

    @property
    def rate(self) -> float:
        """Records a second."""
        return (self.records - self.short) / (self.long_run.seconds - self.short_run.seconds)

    @property
    def cpu_rate(self) -> float:
        """Records a CPU second."""
        return (self.records - self.short) / (self.long_run.cpu_seconds - self.short_run.cpu_seconds)

    @property
    def start_up(self) -> float:
        """Seconds from the start of the program to its first record."""
        return max(0.0, self.short_run.seconds - self.short / self.rate)


def write(measured: Sequence[Measured], wrong: Sequence[str], folder: Path) -> None:
    """Write the three files into `folder`; `wrong` says who has no time that counts, and why."""
    found = [asdict(one) | {"rate": one.rate, "bound": one.engine in _BOUNDS} for one in measured]
    (folder / "results.json").write_text(json.dumps(found, indent=1) + "\n")
    (folder / "results.md").write_text(_markdown(measured, wrong))
    plot = (CACHE / "plot" / "bin" / "python", HERE / "plot.py", folder / "results.json", folder / "results.svg")
    subprocess.run(list(map(str, plot)), check=True)


def _markdown(measured: Sequence[Measured], wrong: Sequence[str]) -> str:
    turns = max(sum(one.engine == OURS.name and one.goal == goal for one in measured) for goal in GOALS)
    repeat = "once" if turns == 1 else f"{turns} times, of which the median is shown"
    text = [_HEAD.format(parallelism=PARALLELISM, rate=RATE, repeat=repeat, machine=_machine())]
    bound = _median([one for one in measured if one.engine == BOUND.name], lambda one: one.rate)
    for goal in GOALS:
        of_goal = [one for one in measured if one.goal == goal and one.engine not in _BOUNDS]
        if not of_goal:
            continue
        ours = _median([one for one in of_goal if one.engine == OURS.name], lambda one: one.rate)
        text += [f"## {goal}", "", *_table(of_goal, bound, ours), ""]
    if any(one.engine in _BOUNDS for one in measured):
        text += _bounds(measured)
    if wrong:
        text += ["", "## Without a time that counts", "", *(f"- {line}" for line in wrong)]
    return "\n".join(text).rstrip() + "\n"


def _bounds(measured: Sequence[Measured]) -> list[str]:
    lines = [
        "## Bounds",
        "",
        "| what a goal costs at least | turns | records | records/s | records/CPU s |",
        "|---|---:|---:|---:|---:|",
    ]
    for name in _BOUNDS:
        if runs := [one for one in measured if one.engine == name]:
            rate, cpu_rate = _median(runs, lambda one: one.rate), _median(runs, lambda one: one.cpu_rate)
            lines.append(f"| {name} | {len(runs)} | {runs[0].records:,} | {rate:,.0f} | {cpu_rate:,.0f} |")
    return lines


def _table(measured: Sequence[Measured], bound: float | None, ours: float | None) -> list[str]:
    columns = ("turns", "records", "records/s", "bound", "LogPipeline is", "records/CPU s", "peak MiB", "state MiB")
    names = ["engine", *columns, "start-up s"]
    lines = [f"| {' | '.join(names)} |", "|---" + "|---:" * (len(names) - 1) + "|"]
    for engine in dict.fromkeys(one.engine for one in measured):
        runs = [one for one in measured if one.engine == engine]
        rate = _median(runs, lambda one: one.rate) or 0.0
        share = f"{rate / bound:.0%}" if bound else ""
        times = f"{ours / rate:.1f} ×" if ours and engine != OURS.name else ""
        numbers = [
            f"{len(runs)}",
            f"{runs[0].records:,}",
            f"{rate:,.0f}",
            share,
            times,
            f"{_median(runs, lambda one: one.cpu_rate):,.0f}",
            f"{_median(runs, lambda one: one.long_run.peak_bytes / 2**20):,.0f}",
            f"{_median(runs, lambda one: one.long_run.state_bytes / 2**20):,.1f}",
            f"{_median(runs, lambda one: one.start_up):.0f}",
        ]
        lines.append(f"| {engine} | {' | '.join(numbers)} |")
    return lines


def _median(measured: Sequence[Measured], value: Callable[[Measured], float]) -> float | None:
    return statistics.median(map(value, measured)) if measured else None


def _machine() -> str:
    memory = psutil.virtual_memory().total / 2**30
    peers = {name: _installed(name, package) for name, package in (("flink", "apache-flink"), ("quix", "quixstreams"))}
    return (
        f"{datetime.now(UTC):%Y-%m-%d}; {os.cpu_count()} cores{_processor()}, {memory:.0f} GiB, {platform.system()} "
        f"{platform.machine()}, load {os.getloadavg()[2]:.1f} over the last 15 minutes; Spark {version('pyspark')}, "
        f"Flink {peers['flink']}, Quix Streams {peers['quix']}, Python {platform.python_version()}."
    )


def _processor() -> str:
    """What Linux calls the processor, in brackets; nothing elsewhere."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    return next((f" ({line.partition(':')[2].strip()})" for line in lines if line.startswith("model name")), "")


def _installed(venv: str, package: str) -> str:
    (folder,) = (CACHE / venv).glob("lib/python*/site-packages")
    (found,) = distributions(name=package, path=[str(folder)])
    return found.version
