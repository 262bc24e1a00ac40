"""The goals side by side with what else would compute them: `make bench`, or

    PYTHONPATH=tests/integration python bench/goals --records 2000000 --engine ours --engine spark --goal client-rate

Each engine reads the same topic, in turn, in processes of its own; its windows are compared with DuckDB's before its
time counts. Start-up is taken off by a second, shorter topic: records a second are those of the difference. Writes
results.json, results.md and results.svg.
"""

from __future__ import annotations

import itertools
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import click
from answers import WrongAnswerError, check, expected
from engines import ENGINES, OURS, Engine, EngineError, Run, Task, run
from report import Measured, write
from workload import GOALS, PARALLELISM, START, Goal, Workload, make

import messages
from processes import Broker


@click.command()
@click.option("--records", type=click.IntRange(100_000), default=6_000_000, show_default=True)
@click.option("--repeat", type=click.IntRange(1), default=3, show_default=True)
@click.option("--engine", "engines", multiple=True, type=click.Choice(list(ENGINES)), default=list(ENGINES))
@click.option("--goal", "goals", multiple=True, type=click.Choice(list(GOALS)), default=list(GOALS))
@click.option(
    "--output", type=click.Path(path_type=Path), default=Path(__file__).parents[1], help="Folder of results.*"
)
def main(records: int, repeat: int, engines: tuple[str, ...], goals: tuple[str, ...], output: Path) -> None:
    """Measure, check and write down."""
    output.mkdir(parents=True, exist_ok=True)
    measured: list[Measured] = []
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        broker = Broker(folder / "kafka")
        broker.start()
        try:
            wrong: list[str] = []
            for done, failed in _turns(folder, broker, records, repeat, [ENGINES[one] for one in engines], goals):
                measured += done
                wrong += failed
                # After each goal: hours are not lost with the last minute.
                if measured:
                    write(measured, wrong, output)
        finally:
            broker.stop()


def _turns(
    folder: Path, broker: Broker, records: int, repeat: int, engines: list[Engine], goals: tuple[str, ...]
) -> Iterator[tuple[list[Measured], list[str]]]:
    given = {(engine.records(GOALS[name], records), engine.partitions) for engine in engines for name in goals}
    wanted = sorted({*given, *((_short(size), partitions) for size, partitions in given)})
    workloads = {
        (size, partitions): make(folder, broker.bootstrap_servers, size, partitions=partitions)
        for size, partitions in wanted
    }
    for turn, name in itertools.product(range(repeat), goals):
        measured, wrong = [], []
        for engine in engines:
            if (not engine.answers and name != goals[0]) or (engine.once and turn):
                continue
            whole = engine.records(GOALS[name], records)
            try:
                long, short = (
                    _run(folder, broker, engine, GOALS[name], workloads[size, engine.partitions], turn)
                    for size in (whole, _short(whole))
                )
            except (WrongAnswerError, EngineError) as error:
                if engine is OURS:
                    raise
                # It has no time that counts; what the others took still does.
                wrong.append(f"{engine.name} on {name}, turn {turn + 1}: {error}")
                click.echo(wrong[-1], err=True)
                continue
            measured.append(Measured(engine.name, name, whole, _short(whole), long, short))
        yield measured, wrong


def _short(records: int) -> int:
    return records // 10


def _run(folder: Path, broker: Broker, engine: Engine, goal: Goal, workload: Workload, turn: int) -> Run:
    results = f"results-{time.time_ns()}"
    broker.topic(results, PARALLELISM)
    task = Task(goal, workload, broker.bootstrap_servers, results, folder / results)
    done = run(engine, task)
    if engine.answers:
        early = engine.early and goal.more_than is not None
        wanted = expected(workload, goal)
        if workload.horizon > START and not wanted:
            raise WrongAnswerError(f"{goal.name} has no window in {workload.records} records: nothing would be checked")
        values = [message.value or b"" for message in messages.read(broker.bootstrap_servers, results)]
        check(engine.read(task, values), wanted, workload, goal, early=early)
    shutil.rmtree(task.folder)
    click.echo(
        f"{turn + 1}  {goal.name:16} {engine.name:30} {workload.records:>9,} records  {done.seconds:7.1f} s"
        f"  {done.cpu_seconds:7.1f} CPU s  {done.peak_bytes / 2**20:6.0f} MiB",
        err=True,
    )
    return done


if __name__ == "__main__":
    main()
