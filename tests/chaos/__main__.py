"""The sample pipeline on this machine, under load, and everything that can be done to it: `make chaos`.

After each fault it waits until every part has taken what was in the topic then, and compares all results with what
DuckDB makes of the raw topic. At the end the pipeline is stopped, and what was produced must have gone through every part.
"""

from __future__ import annotations

import itertools
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import click
import yaml
from verification import assert_exact, wait_until_drained, wait_until_recovered

from faults import Fault, all_faults, in_turn, partitions_of_raw
from local_run import Run
from processes import free_port
from reference import Reference
from test_up import SAMPLE

# The short form: bad input under way when parts that hold data or state are killed, two at a time.
_SHORT = (
    ("1,000 malformed records of 50 kinds", "kill -9 goal JVM and broker"),
    ("kill -9 Connect and Elasticsearch",),
)
# A threshold that tells early, and a value of closed windows.
_SHORT_GOALS = ("client-rate", "host-latency")

_OTHER_PORT = "stopped, started with the broker at another port"

_HEAD = """# What it survives

Written by `make chaos`. The sample pipeline runs on one machine at {rate} records a second: broker, four goals, Connect,
Elasticsearch, generator. Each fault is done to it in turn; then it has to catch up by itself, and all that the goals have
written so far is compared with what DuckDB makes of the raw topic: the same windows, none missing, none too many, counts
equal, means to 1e-9, a duplicate the same to the byte. At the end every record that was produced must be in
Elasticsearch or among the dead letters, once.

{faults} faults on {day}, all results equal; once between them the pipeline was stopped, and started again with its broker
at another port. *Recovered* is the time from the end of the fault until every goal and the
index had taken what was in the topic then; without any fault it is a few seconds.

| fault | recovered, seconds | results compared |
|---|---:|---:|
"""


@click.command()
@click.option(
    "--faults", "count", type=click.IntRange(2), help="So many; default: each once. After the last the first."
)
@click.option("--rate", type=click.IntRange(1), default=200, show_default=True, help="Records a second.")
@click.option("--only", multiple=True, help="Only faults with this text in their name; may be given again.")
@click.option("--short", is_flag=True, help="Some minutes: bad input, and two pairs of parts killed.")
@click.option("--document", "path", type=click.Path(path_type=Path), help="Write the table to this file.")
def main(count: int | None, rate: int, only: tuple[str, ...], short: bool, path: Path | None) -> None:
    """Harm a pipeline, and see that it loses and invents nothing."""
    chosen = [fault for fault in all_faults() if not only or any(text in fault.name for text in only)]
    if short:
        named = {fault.name: fault for fault in all_faults()}
        chosen = [in_turn(*(named[name] for name in names)) for names in _SHORT]
    faults = list(itertools.islice(itertools.cycle(chosen), count or len(chosen)))
    document = yaml.safe_load(SAMPLE.read_text())
    document["spec"]["source"]["generator"]["ratePerSecond"] = rate
    if short:
        document["spec"]["goals"] = [goal for goal in document["spec"]["goals"] if goal["name"] in _SHORT_GOALS]
    rows: list[tuple[str, float, int]] = []
    reference = Reference()
    with tempfile.TemporaryDirectory(prefix="chaos-") as name:
        resource, state = Path(name, "pipeline.yaml"), Path(name, "state")
        half = len(faults) if short else len(faults) // 2
        resource.write_text(yaml.safe_dump(document))
        with Run(resource, state) as run:
            _wait_until_running(run)
            wait_until_recovered(run)
            for fault in faults[:half]:
                rows.append(_do(run, fault, len(rows), reference))
            partitions = partitions_of_raw(run)
            _end(run)
        if not short:
            # They have grown, and never shrink: what a user would be told to write.
            document["spec"]["source"]["topic"]["partitions"] = partitions
            document["spec"]["kafka"]["managed"]["port"] = free_port()
            resource.write_text(yaml.safe_dump(document))
            with Run(resource, state) as run:
                for fault in [Fault(_OTHER_PORT, lambda _: None), *faults[half:]]:
                    rows.append(_do(run, fault, len(rows), reference))
                _end(run)
    click.echo(f"{len(rows)} faults, all exact", err=True)
    if path is not None:
        path.write_text(_document(rows, rate))


def _wait_until_running(run: Run) -> None:
    run.wait_until(lambda: run.status().get("phase") == "running")


def _end(run: Run) -> None:
    wait_until_drained(run)
    run.process.terminate()
    code = run.wait()
    click.echo(f"the run ended with {code}:\n" + "\n".join(run.lines[-25:]), err=True)
    assert code == 0, run.output[-3000:]


def _do(run: Run, fault: Fault, done: int, reference: Reference) -> tuple[str, float, int]:
    _wait_until_running(run)
    fault.do(run)
    seconds = wait_until_recovered(run)
    row = fault.name, seconds, assert_exact(run, reference)
    click.echo(f"{done + 1:3}  {_row(row, '  ')}", err=True)
    return row


def _row(row: tuple[str, float, int], between: str) -> str:
    name, seconds, compared = row
    return between.join((f"{name:48}", f"{seconds:6.1f} s", f"{compared:>9,} results equal"))


def _document(rows: list[tuple[str, float, int]], rate: int) -> str:
    head = _HEAD.format(faults=len(rows), day=f"{datetime.now(UTC):%Y-%m-%d}", rate=rate)
    return head + "".join(f"| {name} | {seconds:.1f} | {compared:,} |\n" for name, seconds, compared in rows)


if __name__ == "__main__":
    main()
