"""Whether a pipeline stays as it is: half an hour of steady load on one machine, as a plot.

    PYTHONPATH=tests/integration python bench/soak [--rate 1000] [--minutes 30]

Runs the sample pipeline with `logpipeline up` and notes, every five seconds, the memory of each part, how long the last
batch of each goal took, and how many records each goal and the index are behind. Writes soak.json, soak.md and
soak.svg; the table compares the second half with the last tenth: what grows without end shows there.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import click
import psutil
import yaml

from local_run import Run, lags
from test_up import SAMPLE

HERE = Path(__file__).parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "logpipeline" / "bench"
EVERY_SECONDS = 5.0
MIB = 2**20
Sample = dict[str, dict[str, float]]

_HEAD = """# Steady load

Written by `bench/soak`: the sample pipeline, four goals, {rate:,} records/s for {minutes} minutes on {cores} cores. At
the end everything that was produced had gone through every part.

![memory, batch time and lag over time](soak.svg)
"""


@click.command()
@click.option("--rate", type=click.IntRange(1), default=1000, show_default=True, help="Records a second.")
@click.option("--minutes", type=click.IntRange(1), default=30, show_default=True)
@click.option("--output", type=click.Path(path_type=Path), default=HERE.parent, help="Folder of soak.*")
def main(rate: int, minutes: int, output: Path) -> None:
    """Run, look, and write down."""
    document = yaml.safe_load(SAMPLE.read_text())
    document["spec"]["source"]["generator"]["ratePerSecond"] = rate
    samples: list[Sample] = []
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        resource = Path(name, "pipeline.yaml")
        resource.write_text(yaml.safe_dump(document))
        with Run(resource, Path(name, "state"), "--for", f"{minutes}m") as run:
            run.wait_until(lambda: run.status().get("phase") == "running")
            began = time.monotonic()
            while (seconds := time.monotonic() - began) < minutes * 60 - EVERY_SECONDS:
                time.sleep(EVERY_SECONDS - seconds % EVERY_SECONDS)
                samples.append({"time": {"seconds": time.monotonic() - began}, **_look(run)})
                if len(samples) % 12 == 0:
                    click.echo(f"{len(samples) // 12:>3} of {minutes} minutes", err=True)
            run.wait()
            assert "everything that was produced went through every part" in run.output, run.output[-3000:]
    (output / "soak.json").write_text(json.dumps(samples) + "\n")
    (output / "soak.md").write_text(_markdown(samples, rate, minutes))
    plot = (CACHE / "plot" / "bin" / "python", HERE / "plot.py", output / "soak.json", output / "soak.svg")
    subprocess.run(list(map(str, plot)), check=True)


def _look(run: Run) -> Sample:
    status = run.status()
    memory: dict[str, float] = {}
    for part in status["components"]:
        if (pid := part.get("pid")) is not None:
            memory |= _memory(part["name"], pid)
    goals: list[dict[str, Any]] = status["goals"]
    return {
        "memory": memory,
        "batch": {goal["goal"]: goal["batch_duration_seconds"] or 0.0 for goal in goals},
        "lag": {part: float(lag) for part, lag in lags(status).items()},
    }


def _memory(name: str, pid: int) -> dict[str, float]:
    """Resident MiB of a part, the goals' JVM and its Python workers apart."""
    found: dict[str, float] = {}
    try:
        root = psutil.Process(pid)
        for process in [root, *root.children(recursive=True)]:
            kind = name
            if name == "goals" and process.pid != pid:
                kind = "goals: JVM" if process.name() == "java" else "goals: Python workers"
            found[kind] = found.get(kind, 0.0) + process.memory_info().rss / MIB
    except psutil.NoSuchProcess:
        return found
    return found


def _markdown(samples: list[Sample], rate: int, minutes: int) -> str:
    half, tail = samples[len(samples) // 2 :], samples[-len(samples) // 10 :]
    head = _HEAD.format(rate=rate, minutes=minutes, cores=os.cpu_count())
    lines = [head, "| | median of the second half | median of the last tenth |", "|---|---:|---:|"]
    for group, unit in (("memory", "MiB"), ("batch", "s"), ("lag", "records")):
        for name in samples[-1][group]:
            first, last = (statistics.median(one[group].get(name, 0.0) for one in part) for part in (half, tail))
            digits = 2 if unit == "s" else 0
            lines.append(f"| {group}, {name} | {first:,.{digits}f} {unit} | {last:,.{digits}f} {unit} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
