"""How much memory a goal takes while somebody floods it with keys, and what it still counts.

    PYTHONPATH=tests/integration python bench/flood.py [--records 10000000] [--characters 16] [--memory 2Gi]

Each record is of a client of its own, with an address of so many characters. One goal reads them as a pod of that
memory limit does; the limit is not enforced, so that the peak is seen. Prints a Markdown table, in MiB of
proportional set size (what processes share is counted once).
"""

from __future__ import annotations

import argparse
import contextlib
import os
import tempfile
import threading
from pathlib import Path
from typing import Any, Self

import psutil
from confluent_kafka import Producer

from goal_process import GoalProcess
from processes import Broker

SECONDS = 3600
# The golden ratio: numbers in a row become addresses that have nothing in common.
SPREAD, ADDRESSES = 0x9E3779B97F4A7C15, 1 << 64
RESOURCE = """
apiVersion: logpipeline.dev/v1alpha1
kind: LogPipeline
metadata: {{name: flood}}
spec:
  source: {{topic: {{name: raw, partitions: 4}}}}
  kafka: {{external: {{bootstrapServers: "{kafka}"}}}}
  spark: {{resources: {{limits: {{memory: {memory}}}}}}}
  goals: [{{name: client-rate, preset: client-rate}}]
"""


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--records", type=int, default=10_000_000)
    parser.add_argument("--characters", type=int, default=16, help="of an address, 16 at least")
    parser.add_argument("--memory", default="2Gi", help="limit of the goal's pod")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        broker = Broker(folder / "kafka")
        broker.start()
        try:
            produce(broker, options.records, options.characters)
            (folder / "pipeline.yaml").write_text(
                RESOURCE.format(kafka=broker.bootstrap_servers, memory=options.memory)
            )
            with GoalProcess(folder, broker) as process, Peak() as peak:
                (goal,) = process.wait_until(lambda goals: read(goals, options.records), SECONDS).values()
        finally:
            broker.stop()
    java, python = peak.parts
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, addresses of {options.characters} characters\n")
    print(
        "| records | limit | peak | of it the JVM | Python | dropped | restarts |\n|---:|---:|---:|---:|---:|---:|---:|"
    )
    print(
        f"| {goal['records_total']:,} | {options.memory} | {peak.total:,} | {java:,} | {python:,} "
        f"| {goal['dropped_total']:,} | {goal['restarts']} |"
    )


def produce(broker: Broker, records: int, characters: int) -> None:
    """Write the records to a topic of four partitions; a second of event time holds 50,000."""
    topic, filling = broker.topic("raw", 4), "x" * (characters - 16)
    producer = Producer(
        {"bootstrap.servers": broker.bootstrap_servers, "linger.ms": 50, "queue.buffering.max.kbytes": 400_000}
    )
    for number in range(records):
        address = f"{number * SPREAD % ADDRESSES:016x}{filling}"
        value = f'{{"client_ip":"{address}","@timestamp":{1_700_000_000 + number // 50_000}}}'
        while True:
            try:
                producer.produce(topic, value, partition=number % 4)
                break
            except BufferError:
                producer.poll(0.1)
    producer.flush()


def read(goals: Any, records: int) -> bool:
    """Return whether all is read."""
    return all(goal["offset_total"] == records for goal in goals)


class Peak:
    """The most memory in MiB that the children of this process but for the broker take at a time, seen every 0.3 s."""

    def __init__(self) -> None:
        self.total, self.parts = 0, (0, 0)
        self._others = {child.pid for child in psutil.Process().children()}
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._end.wait(0.3):
            sizes = {True: 0, False: 0}
            for process in psutil.Process().children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):
                    if process.pid not in self._others:
                        sizes[process.name() == "java"] += process.memory_full_info().pss >> 20
            if sum(sizes.values()) > self.total:
                self.total, self.parts = sum(sizes.values()), (sizes[True], sizes[False])


if __name__ == "__main__":
    main()
