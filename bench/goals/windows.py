"""What a goal costs by the length of its windows and by the number of records: a table.

    PYTHONPATH=tests/integration python bench/goals/windows.py [--records 4000000] [--repeat 3]

`client-rate` with windows from 20 s to 10 min that slide by 1 s, over one topic, in turn; then windows of 20 s over a
half and a quarter of it. The threshold grows with the window, so that results are as few. Start-up is taken off by a
run over a tenth of the records.
"""

from __future__ import annotations

import os
import shutil
import statistics
import tempfile
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import click
from engines import OURS, Run, Task, run
from workload import GOALS, PARALLELISM, Goal, Workload, make

from processes import Broker

SIZES = (20, 60, 300, 600)
MEMORY = "10Gi"  # a version of state goes through the JVM whole, and ten minutes hold twelve million cells
START_UP = 10  # the part of the records whose run is taken off


@click.command()
@click.option("--records", type=click.IntRange(1_000_000), default=4_000_000, show_default=True)
@click.option("--repeat", type=click.IntRange(1), default=3, show_default=True)
def main(records: int, repeat: int) -> None:
    """Measure, and print the table."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        broker = Broker(folder / "kafka")
        broker.start()
        try:
            counts = (records, records // 2, records // 4, records // START_UP)
            topics = {count: make(folder, broker.bootstrap_servers, count) for count in counts}
            cases = [(_goal(size), count) for size in SIZES for count in (records, counts[-1])]
            cases += [(_goal(SIZES[0]), count) for count in counts[1:-1]]
            found: dict[tuple[int, int], list[Run]] = defaultdict(list)
            for _ in range(repeat):
                for goal, count in cases:
                    found[goal.size, count].append(_run(folder, broker, goal, topics[count]))
        finally:
            broker.stop()
    click.echo(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {repeat} runs each, medians\n")
    click.echo("| window | windows a record | records | records/s | CPU, µs a record | state, MiB | peak memory, MiB |")
    click.echo("|---:|---:|---:|---:|---:|---:|---:|")
    for size, count in [*((size, records) for size in SIZES), *((SIZES[0], count) for count in counts[1:-1])]:
        click.echo(_line(size, count, found[size, count], found[size, counts[-1]], count - counts[-1]))


def _goal(size: int) -> Goal:
    goal = GOALS["client-rate"]
    return replace(goal, size=size, more_than=size * (goal.more_than or 0) // goal.size)


def _run(folder: Path, broker: Broker, goal: Goal, workload: Workload) -> Run:
    results = f"results-{time.time_ns()}"
    broker.topic(results, PARALLELISM)
    done = run(OURS, Task(goal, workload, broker.bootstrap_servers, results, folder / results, MEMORY))
    shutil.rmtree(folder / results)
    click.echo(f"{goal.size:>4} s  {workload.records:>9,} records  {done.seconds:6.1f} s", err=True)
    return done


def _line(size: int, records: int, long: list[Run], short: list[Run], read: int) -> str:
    pairs = list(zip(long, short, strict=True))
    rate = statistics.median(read / (one.seconds - start.seconds) for one, start in pairs)
    cost = statistics.median((one.cpu_seconds - start.cpu_seconds) / read for one, start in pairs)
    state = statistics.median(one.state_bytes for one in long) / 2**20
    peak = statistics.median(one.peak_bytes for one in long) / 2**20
    return f"| {size} s | {size} | {records:,} | {rate:,.0f} | {cost * 1e6:.1f} | {state:,.0f} | {peak:,.0f} |"


if __name__ == "__main__":
    main()
