"""Whether state follows the clients of the window, and not those that were ever seen: a table.

    PYTHONPATH=tests/integration python bench/goals/state.py [--records 24000000] [--clients 50000000]

`client-rate` over one topic to whose last record new clients come. Every tenth of the records: state, memory and the
speed since the last line.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import duckdb
import psutil
from engines import OURS, Task, run
from workload import GOALS, PARALLELISM, make

from processes import Broker

PARTS = 10


@click.command()
@click.option("--records", type=click.IntRange(1_000_000), default=24_000_000, show_default=True)
@click.option("--clients", type=click.IntRange(1), default=50_000_000, show_default=True)
def main(records: int, clients: int) -> None:
    """Measure, and print the table."""
    seen: list[tuple[float, int, int, int, float]] = []

    def watch(goal: Mapping[str, Any]) -> None:
        read = goal["offset_total"] or 0
        if read >= (len(seen) + 1) * records // PARTS:
            seen.append((time.monotonic(), read, goal["state_rows"], goal["state_bytes"], _resident()))

    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        broker = Broker(folder / "kafka")
        broker.start()
        try:
            workload = make(folder, broker.bootstrap_servers, records, clients)
            columns = "columns = {'client_ip': 'varchar'}, format = 'newline_delimited'"
            counting = f"select count(distinct client_ip) from read_json('{workload.file}', {columns})"
            (distinct,) = duckdb.execute(counting).fetchone() or (0,)
            broker.topic("results", PARALLELISM)
            task = Task(GOALS["client-rate"], workload, broker.bootstrap_servers, "results", folder / "run")
            run(OURS, task, watch)
        finally:
            broker.stop()
    click.echo(f"{records:,} records of {distinct:,} clients; {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n")
    click.echo("| records read | records/s since the line before | cells in state | state, MiB | memory, MiB |")
    click.echo("|---:|---:|---:|---:|---:|")
    for before, (at, read, rows, size, resident) in zip([None, *seen], seen, strict=False):
        rate = f"{(read - before[1]) / (at - before[0]):,.0f}" if before else ""
        click.echo(f"| {read:,} | {rate} | {rows:,} | {size / 2**20:.1f} | {resident:,.0f} |")


def _resident() -> float:
    """MiB of the goal's processes, shared pages counted in each."""
    processes = [one for one in psutil.process_iter() if "logpipeline_spark.goal" in " ".join(one.cmdline())]
    tree = {child.pid: child for one in processes for child in [one, *one.children(recursive=True)]}
    return sum(one.memory_info().rss for one in tree.values()) / 2**20


if __name__ == "__main__":
    main()
