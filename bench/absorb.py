"""How a pipeline takes more than it can keep up with: a burst, or a large log at once.

    PYTHONPATH=tests/integration python bench/absorb.py [--rate 200] [--burst 10:30s@30s]
    PYTHONPATH=tests/integration python bench/absorb.py --gigabytes 2.5

Runs the sample pipeline with `logpipeline up`, without its generator, and has `logpipeline produce` send a file: at a
rate that `--burst` multiplies for a while, or as fast as it goes. Prints a Markdown table of how far each goal and the
index fell behind, and when they had caught up. At the end everything must have gone through every part.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

from local_run import Run, lags
from logpipeline_generator.options import BurstType
from logpipeline_generator.pacing import Burst
from processes import generator
from test_up import SAMPLE

RECORD_BYTES = 180
TAIL_SECONDS = 60
START = 1659509511  # without a start the generator's clock is the wall's, and the file takes as long as its records
LOOK_EVERY = 0.5
Lags = dict[str, int]


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rate", type=int, default=200, help="lines a second")
    parser.add_argument("--burst", default="10:30s@30s", help="FACTOR:DURATION@START, as of `produce`")
    parser.add_argument("--gigabytes", type=float, help="send so much at once instead")
    options = parser.parse_args()
    burst = None if options.gigabytes else BurstType().convert(options.burst, None, None)
    count = round((options.gigabytes or 0) * 1e9 / RECORD_BYTES)
    pace: list[str] = []
    if burst:
        count = round(options.rate * (burst.start + burst.factor * burst.seconds + TAIL_SECONDS))
        pace = ["--rate", str(options.rate), "--burst", options.burst]
    document = yaml.safe_load(SAMPLE.read_text())
    del document["spec"]["source"]["generator"]
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        resource, log = Path(name, "pipeline.yaml"), Path(name, "access.json")
        resource.write_text(yaml.safe_dump(document))
        stream = ("--start", START, "--rate", options.rate if burst else 5000)
        generator("generate", "--output", log, "--count", count, *stream)
        with Run(resource, Path(name, "state")) as run:
            run.wait_until(lambda: run.status().get("phase") == "running")
            samples, produced = send(run, log, pace, count)
            indexed = run.status()["totals"]["indexed"]
            run.process.terminate()
            run.wait()
        size = log.stat().st_size
    print(f"{count:,} records, {size / 1e9:.2f} GB; {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print(f"sent in {produced:.0f} s; peak memory {peak(run)}; {indexed:,} indexed\n")
    print(table(samples, produced, burst, count))


def send(run: Run, log: Path, pace: list[str], count: int) -> tuple[list[tuple[float, Lags]], float]:
    """Lags by seconds since the first line, until all is through, and the seconds that sending took."""
    servers = run.status()["kafka"]["bootstrap_servers"]
    topic = yaml.safe_load(SAMPLE.read_text())["spec"]["source"]["topic"]["name"]
    arguments = ["produce", "--bootstrap-servers", servers, "--topic", topic, "--file", str(log), *pace]
    samples: list[tuple[float, Lags]] = []
    produced = None
    with subprocess.Popen([sys.executable, "-m", "logpipeline_generator", *arguments]) as sending:
        began = time.monotonic()
        while True:
            time.sleep(LOOK_EVERY)
            assert run.process.poll() is None, run.output[-3000:]
            now = time.monotonic() - began
            if produced is None and sending.poll() is not None:
                assert sending.returncode == 0
                produced = now
            status = run.status()
            if not (status["totals"] or {}).get("kept"):
                continue
            samples.append((now, lags(status)))
            if produced and status["totals"]["kept"] == count and not any(samples[-1][1].values()):
                return samples, produced


def peak(run: Run) -> str:
    """The largest memory of all parts together, as the run's own summary says it."""
    return next(line.removeprefix("peak memory").strip() for line in run.lines if line.startswith("peak memory"))


def table(samples: list[tuple[float, Lags]], produced: float, burst: Burst | None, count: int) -> str:
    """What each part did, in Markdown."""
    end = burst.start + burst.seconds if burst else produced
    after = "the burst" if burst else "the last line was sent"
    lines = [
        f"| | most behind, records | caught up, seconds after {after} | records/s over all |",
        "|---|---:|---:|---:|",
    ]
    for part in samples[-1][1]:
        values = [(seconds, lag[part]) for seconds, lag in samples]
        # What is usual before a burst is what a part has caught up to.
        usual = max((lag for seconds, lag in values if burst and seconds < burst.start), default=0)
        behind = [seconds for seconds, lag in values if lag > usual]
        caught = max(0.0, behind[-1] - end) if behind else 0.0
        last = behind[-1] if behind else produced
        rate = "" if burst else f"{count / last:,.0f}"
        lines.append(f"| {part} | {max(lag for _, lag in values):,} | {caught:.0f} | {rate} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
