"""The sample pipeline on this machine, under load, and everything that can be done to it: `make chaos`.

After each fault it waits until every part has taken what was in the topic then, and compares all results with what
DuckDB makes of the raw topic. At the end the pipeline is stopped, and what was produced must have gone through every part.
"""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path

import click
import yaml
from verification import assert_exact, wait_until_drained, wait_until_recovered

from faults import Fault, all_faults
from local_run import Run
from test_up import SAMPLE

# The short form: the parts that hold data or state, together and alone, and bad input.
_SHORT = {
    "kill -9 goal JVM",
    "kill -9 broker",
    "kill -9 Connect and Elasticsearch",
    "1,000 malformed records of 50 kinds",
}

_HEAD = """# What it survives

Written by `make chaos`. The sample pipeline runs on one machine at {rate} records a second: broker, four goals, Connect,
Elasticsearch, generator. Each fault is done to it in turn; then it has to catch up by itself, and all that the goals have
written so far is compared with what DuckDB makes of the raw topic: the same windows, none missing, none too many, counts
equal, means to 1e-9, a duplicate the same to the byte. At the end every record that was produced must be in
Elasticsearch or among the dead letters, once.

{faults} faults on {day}, all results equal. *Recovered* is the time from the end of the fault until every goal and the
index had taken what was in the topic then; without any fault it is a few seconds.

| fault | recovered, seconds | results compared |
|---|---:|---:|
"""


@click.command()
@click.option("--rounds", type=click.IntRange(1), default=1, show_default=True, help="How often each fault is done.")
@click.option("--rate", type=click.IntRange(1), default=200, show_default=True, help="Records a second.")
@click.option("--only", multiple=True, help="Only faults with this text in their name; may be given again.")
@click.option("--short", is_flag=True, help="Some minutes: four faults.")
@click.option("--document", "path", type=click.Path(path_type=Path), help="Write the table to this file.")
def main(rounds: int, rate: int, only: tuple[str, ...], short: bool, path: Path | None) -> None:
    """Harm a pipeline, and see that it loses and invents nothing."""
    faults = [fault for fault in all_faults() if not only or any(text in fault.name for text in only)] * rounds
    if short:
        faults = [fault for fault in all_faults() if fault.name in _SHORT]
    document = yaml.safe_load(SAMPLE.read_text())
    document["spec"]["source"]["generator"]["ratePerSecond"] = rate
    rows: list[tuple[str, float, int]] = []
    with tempfile.TemporaryDirectory(prefix="chaos-") as name:
        folder = Path(name)
        (folder / "pipeline.yaml").write_text(yaml.safe_dump(document))
        with Run(folder / "pipeline.yaml", folder / "state") as run:
            run.wait_until(lambda: run.status().get("phase") == "running")
            for number, fault in enumerate(faults, 1):
                rows.append(_do(run, fault))
                click.echo(f"{number:3}/{len(faults)}  {_row(rows[-1], '  ')}", err=True)
            wait_until_drained(run)
            run.process.terminate()
            code = run.wait()
            click.echo(
                f"{len(rows)} faults, all exact; the run ended with {code}:\n" + "\n".join(run.lines[-25:]), err=True
            )
    if path is not None:
        path.write_text(_document(rows, rate))


def _do(run: Run, fault: Fault) -> tuple[str, float, int]:
    wait_until_recovered(run)
    fault.do(run)
    seconds = wait_until_recovered(run)
    return fault.name, seconds, assert_exact(run)


def _row(row: tuple[str, float, int], between: str) -> str:
    name, seconds, compared = row
    return between.join((f"{name:48}", f"{seconds:6.1f} s", f"{compared:>9,} results equal"))


def _document(rows: list[tuple[str, float, int]], rate: int) -> str:
    head = _HEAD.format(faults=len(rows), day=f"{datetime.now(UTC):%Y-%m-%d}", rate=rate)
    return head + "".join(f"| {name} | {seconds:.1f} | {compared:,} |\n" for name, seconds, compared in rows)


if __name__ == "__main__":
    main()
