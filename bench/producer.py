"""How fast `generate` and `produce` are, beside a bare confluent_kafka loop over the same file, taking turns.

    python bench/producer.py --bootstrap-servers 127.0.0.1:9092 [--lines 2000000] [--repeat 3] [--file big.json]

Prints a Markdown table: the median of records a second, the spread, and the ratio to the bare loop. The bare loop reads
the file, calls `Producer.produce` a line with the default settings but acks=all, idempotence and lz4 as ours, and asks
for no delivery reports.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import confluent_kafka
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

TOPIC = "bench-producer"
PARTITIONS = 4
START = "1659509511"


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--bootstrap-servers", required=True)
    parser.add_argument("--lines", type=int, default=2_000_000, help="records in the file that is made")
    parser.add_argument("--file", type=Path, help="send this file instead")
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = options.file or Path(folder, "access.json")
        if not options.file:
            command("generate", "--output", path, "--start", START, "--count", options.lines, "--rate", 20_000)
        kafka = ("--bootstrap-servers", options.bootstrap_servers, "--topic", TOPIC)
        made = ("--start", START, "--count", options.lines, "--rate", 20_000)
        runs: dict[str, Callable[[], float]] = {
            "bare confluent_kafka loop": lambda: bare_loop(options.bootstrap_servers, path),
            "produce": lambda: command("produce", *kafka, "--file", path),
            "generate to Kafka": lambda: command("generate", *kafka, *made),
            "generate to /dev/null": lambda: command("generate", "--output", os.devnull, *made),
        }
        rates: dict[str, list[float]] = {name: [] for name in runs}
        costs: dict[str, list[float]] = {name: [] for name in runs}
        for _ in range(options.repeat):
            for name, run in runs.items():
                fresh_topic(options.bootstrap_servers)
                before = cpu_seconds()
                rates[name].append(run())
                costs[name].append(cpu_seconds() - before)
    print(table(rates, costs))


def cpu_seconds() -> float:
    """CPU time of this process and of the commands it ran: what a busy machine does not blur."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def command(*arguments: object) -> float:
    """Run one of the service's commands; the rate it reports, records a second."""
    result = subprocess.run(
        [sys.executable, "-m", "logpipeline_generator", *map(str, arguments)],
        stderr=subprocess.PIPE,
        text=True,
        check=True,
    )
    found = re.search(r"([\d,]+) \w+/s$", result.stderr.strip())
    if not found:
        raise RuntimeError(f"no rate in {result.stderr!r}")
    return float(found[1].replace(",", ""))


def bare_loop(servers: str, path: Path) -> float:
    """Records a second of the loop that one would write without thinking of speed."""
    producer = Producer(
        {
            "bootstrap.servers": servers,
            "enable.idempotence": True,
            "compression.type": "lz4",
            "linger.ms": 50,
            "log_level": 0,
        }
    )
    begun, count = time.monotonic(), 0
    with path.open("rb") as file:
        for line in file:
            while True:
                try:
                    producer.produce(TOPIC, line.rstrip(b"\r\n"))
                    break
                except BufferError:
                    producer.poll(0.05)
            count += 1
    producer.flush()
    return count / (time.monotonic() - begun)


def fresh_topic(servers: str) -> None:
    """An empty topic, so that each run starts alike."""
    admin = AdminClient({"bootstrap.servers": servers, "log_level": 0})
    if TOPIC in admin.list_topics(timeout=10).topics:
        admin.delete_topics([TOPIC])[TOPIC].result(timeout=30)
        while TOPIC in admin.list_topics(timeout=10).topics:
            time.sleep(0.1)
    admin.create_topics([NewTopic(TOPIC, PARTITIONS, 1)])[TOPIC].result(timeout=30)
    time.sleep(1)


def table(rates: dict[str, list[float]], costs: dict[str, list[float]]) -> str:
    """The rates in Markdown, compared to the first; `costs` are CPU seconds a run."""
    bare = statistics.median(next(iter(rates.values())))
    lines = [
        f"confluent-kafka {confluent_kafka.version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}",
        "",
        "| what | records/s, median | min to max | ratio to the bare loop | CPU seconds |",
        "|---|---:|---:|---:|---:|",
    ]
    for name, values in rates.items():
        middle = statistics.median(values)
        cost = statistics.median(costs[name])
        span = f"{min(values):,.0f} to {max(values):,.0f}"
        lines.append(f"| {name} | {middle:,.0f} | {span} | {middle / bare:.2f} | {cost:.1f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
