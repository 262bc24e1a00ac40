"""How fast `logpipeline report` reads a log, beside GoAccess with the same file, taking turns.

    python bench/report.py [--lines 2000000] [--log access.log] [--repeat 3]

The log is in the combined format, made up unless one is given. Each is a process of its own, from its start to its
page on the disk. Prints a Markdown table of the medians; without `goaccess` on the PATH that of ours alone.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

RESOURCE = """
apiVersion: logpipeline.dev/v1alpha1
kind: LogPipeline
metadata: {name: bench}
spec:
  kafka: {managed: {}}
  source: {format: combined}
  goals: [{name: client-rate, preset: client-rate}]
"""
START = datetime(2024, 5, 1, tzinfo=UTC)
LINES_A_SECOND = 20
AGENTS = [f"Mozilla/5.0 (X11; Linux x86_64; rv:{n}.0) Gecko/20100101 Firefox/{n}.0" for n in range(60, 126)]
AGENTS += ["Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "curl/8.5.0"]


class Taken(NamedTuple):
    """What a run took: seconds of the clock, seconds of CPU, bytes at its largest."""

    seconds: float
    cpu: float
    memory: int


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--lines", type=int, default=2_000_000, help="lines of the log that is made up")
    parser.add_argument("--log", type=Path, help="a log in the combined format instead")
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
        folder = Path(temporary)
        log = options.log or made_up(folder / "access.log", options.lines)
        resource = folder / "bench.yaml"
        resource.write_text(RESOURCE)
        with log.open("rb") as file:
            lines = sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
        report = ("-m", "logpipeline", "report", "-f", resource, "--input", log, "-o", folder / "ours.html")
        commands = {"logpipeline report": [sys.executable, *map(str, report)]}
        if found := shutil.which("goaccess"):
            page = str(folder / "theirs.html")
            quiet = ["--no-global-config", "--no-progress"]
            commands["goaccess"] = [found, str(log), "--log-format=COMBINED", *quiet, "-o", page]
        else:
            print("goaccess is not on the PATH: only ours is measured")
        taken: dict[str, list[Taken]] = {name: [] for name in commands}
        for _ in range(options.repeat):
            for name, command in commands.items():
                taken[name].append(run(command))
        size = log.stat().st_size
    print(f"{lines:,} lines, {size / 1e6:,.0f} MB; {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n")
    print("| | seconds | CPU seconds | lines a CPU second | memory, MiB |\n|---|---|---|---|---|")
    for name, runs in taken.items():
        seconds, cpu, memory = (statistics.median(column) for column in zip(*runs, strict=True))
        print(f"| {name} | {seconds:.1f} | {cpu:.1f} | {lines / cpu:,.0f} | {memory / (1 << 20):,.0f} |")


def run(command: list[str]) -> Taken:
    """Run a command to its end."""
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{command[0]} failed with {process.returncode}")
    return Taken(time.monotonic() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss << 10)


def made_up(path: Path, lines: int) -> Path:
    """Write a log in which some clients, paths and agents are much busier than others."""
    chance = random.Random(1)
    with path.open("w") as file:
        for number in range(lines):
            moment = START + timedelta(seconds=number // LINES_A_SECOND)
            client = ip_address(0x0A000000 + int(chance.paretovariate(0.3)) % 200_000)
            path_ = f"/shop/{int(chance.paretovariate(0.7)) % 5000}/{chance.choice(('', 'a.css', 'b.js', 'c.png'))}"
            query = f"?id={chance.randrange(100)}" if path_.endswith("/") and chance.random() < 0.3 else ""
            status = chance.choices((200, 304, 404, 500), (85, 8, 5, 2))[0]
            referrer = f"https://site-{int(chance.paretovariate(1)) % 500}.example/"
            file.write(
                f'{client} - - [{moment:%d/%b/%Y:%H:%M:%S} +0000] "GET {path_}{query} HTTP/1.1" {status} '
                f'{chance.randrange(50_000)} "{referrer}" "{chance.choice(AGENTS)}"\n'
            )
    return path


if __name__ == "__main__":
    main()
