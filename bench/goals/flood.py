"""How much memory a goal takes while somebody floods it with keys, and what it still counts.

    PYTHONPATH=tests/integration python bench/goals/flood.py [--records 10000000] [--characters 16] [--memory 2Gi]

Each record is of a client of its own, with an address of so many characters. One goal reads them as a pod of that
memory limit does; the limit is not enforced, so that the peak is seen. Prints a Markdown table; what
processes share is counted once.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path
from typing import Any

from confluent_kafka import Producer
from usage import Usage

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
            with GoalProcess(folder, broker) as process:
                usage = Usage(process.pid)
                (goal,) = process.wait_until(lambda goals: read(goals, options.records), SECONDS).values()
                usage.stop()
        finally:
            broker.stop()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, addresses of {options.characters} characters\n")
    print("| records | limit | peak, MiB | dropped | restarts |")
    print("|---:|---:|---:|---:|---:|")
    print(
        f"| {goal['records_total']:,} | {options.memory} | {usage.peak_bytes / 2**20:,.0f} | {goal['dropped_total']:,} "
        f"| {goal['restarts']} |"
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


if __name__ == "__main__":
    main()
