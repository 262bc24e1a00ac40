"""What every engine is given: the goals, and topics of generated records.

The records are also a file, which DuckDB reads: the answer does not come from what is measured.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

START, RATE = 1_659_509_511, 20_000
PARALLELISM = 2
LATENESS = 5
CLIENTS = 500_000
# Ordinary hosts answer 4xx often enough that all of 1,000 pass the preset's threshold at this rate: each is a result.
_OPTIONS = ("--hosts", 1_000, "--out-of-order-share", 0.2, "--disorder", 1)


@dataclass(frozen=True)
class Goal:
    """A goal in words that every engine understands; the presets of the product say the same.

    `statuses` are those that count, from and to, None for all; `field` is averaged, None for a count of records.
    """

    name: str
    key: str
    size: int
    slide: int
    statuses: tuple[int, int] | None
    field: str | None
    more_than: int | None


GOALS = {
    goal.name: goal
    for goal in (
        Goal("client-rate", "client_ip", 20, 1, None, None, 10),
        Goal("host-errors", "host", 30, 1, (400, 499), None, 15),
        Goal("country-success", "country", 60, 60, (200, 299), None, None),
        Goal("host-latency", "host", 60, 60, None, "request_time", None),
    )
}


@dataclass(frozen=True)
class Workload:
    """`records` records, as a file and as a topic of the same lines."""

    topic: str
    file: Path
    records: int

    @property
    def horizon(self) -> int:
        """Windows that end later than this, in epoch seconds, may still be open in one engine and not in another."""
        return START + self.records // RATE - LATENESS - 2


def make(folder: Path, servers: str, records: int, clients: int = CLIENTS, partitions: int = PARALLELISM) -> Workload:
    """Write the first `records` records of the stream to a file, unless it is there, and to a topic of its own."""
    workload = Workload(f"bench-{records}-{partitions}", folder / f"{records}.json", records)
    if not workload.file.exists():
        stream = ("--start", START, "--rate", RATE, "--count", records, "--clients", clients, *_OPTIONS)
        _command("generate", "--output", workload.file, *stream)
    _command(
        "produce",
        *("--bootstrap-servers", servers, "--topic", workload.topic, "--partitions", partitions),
        *("--file", workload.file),
    )
    return workload


def _command(*arguments: object) -> None:
    subprocess.run([sys.executable, "-m", "logpipeline_generator", *map(str, arguments)], check=True)
