"""How long a detection takes at a steady rate, and whether the goals keep up: the path from producer to result.

    PYTHONPATH=tests/integration python bench/latency.py --rate 20000 [--seconds 60] [--goal client-rate]

Starts a broker, a process for each goal as `logpipeline up` does, and the generator with an offender every two seconds. A
detection's latency is from the Kafka timestamp of the record that made its window pass (the eleventh) to that of its
result. Prints a Markdown table: latency, and how far behind each goal was.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import yaml
from confluent_kafka import Consumer, TopicPartition

from logpipeline.api import load
from logpipeline.results import read_result
from logpipeline.rules import chosen_rules
from processes import Broker, free_port

PRESETS = ("client-rate", "host-errors", "country-success", "host-latency")
RAW, RATE_GOAL = "bench-raw", "client-rate"
PARTITIONS = 4
LOOK_EVERY = 0.25


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rate", type=int, default=20_000, help="records a second")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--goal", action="append", choices=PRESETS, help="default: client-rate alone")
    parser.add_argument("--trigger", default="1s")
    options = parser.parse_args()
    goals = options.goal or [RATE_GOAL]
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        (folder / "pipeline.yaml").write_text(yaml.safe_dump(resource(goals, options.trigger)))
        broker = Broker(folder / "kafka")
        broker.start()
        try:
            for topic in (RAW, "bench-invalid", *goals):
                broker.topic(topic, PARTITIONS)
            lags = run(folder, broker, goals, options.rate, options.seconds)
            found = latencies(folder, broker) if RATE_GOAL in goals else []
        finally:
            broker.stop()
    print(table(lags, found, options.rate))


def resource(goals: list[str], trigger: str) -> dict[str, object]:
    """A pipeline of presets."""
    return {
        "apiVersion": "logpipeline.dev/v1alpha1",
        "kind": "LogPipeline",
        "metadata": {"name": "bench"},
        "spec": {
            "source": {
                "topic": {"name": RAW, "partitions": PARTITIONS},
                "invalidTopic": {"name": "bench-invalid"},
                "format": "json",
                "allowedLateness": "5s",
            },
            "kafka": {"managed": {"replicas": 1}},
            "spark": {"trigger": trigger},
            "goals": [{"name": goal, "preset": goal, "topic": {"name": goal}} for goal in goals],
        },
    }


def run(folder: Path, broker: Broker, goals: list[str], rate: int, seconds: int) -> dict[str, list[int]]:
    """Have the goals read live traffic; how many records each was behind, looked at four times a second."""
    ports = {goal: free_port() for goal in goals}
    processes = []
    with (folder / "log").open("ab") as log:
        for goal, port in ports.items():
            command = [sys.executable, "-m", "logpipeline_spark.goal", "--pipeline", str(folder / "pipeline.yaml")]
            command += ["--goal", goal, "--bootstrap-servers", broker.bootstrap_servers, "--metrics-port", str(port)]
            command += ["--checkpoints", str(folder / "checkpoints")]
            processes.append(subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True))
    lags: dict[str, list[int]] = {goal: [] for goal in goals}
    try:
        wait_until(lambda: all(progress(port).get("state") == "running" for port in ports.values()))
        generator = ["generate", "--bootstrap-servers", broker.bootstrap_servers, "--topic", RAW, "--rate", str(rate)]
        generator += ["--for", f"{seconds}s", "--clients", "500000", "--hosts", "60000", "--offenders-every", "2"]
        with subprocess.Popen([sys.executable, "-m", "logpipeline_generator", *generator]) as producing:
            while producing.poll() is None:
                time.sleep(LOOK_EVERY)
                for goal, port in ports.items():
                    lags[goal].append(rate * seconds if not (now := progress(port)) else behind(now, broker))
        total = end_of(broker, RAW)
        wait_until(lambda: all(progress(port).get("offset_total") == total for port in ports.values()))
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(60)
    return lags


def behind(now: dict[str, int], broker: Broker) -> int:
    """Records that are in the topic and not in the goal's results yet."""
    return end_of(broker, RAW) - (now.get("offset_total") or 0)


def progress(port: int) -> dict[str, int]:
    """What the goal at a port says of itself; nothing while it does not answer."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/progress", timeout=5) as answer:
            (goal,) = json.load(answer)["goals"]
    except OSError:
        return {}
    return goal


def wait_until(holds: Callable[[], bool], seconds: float = 300) -> None:
    """Look until something holds; an error after `seconds`."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds:g} s")
        time.sleep(LOOK_EVERY)


def consumer(broker: Broker) -> Consumer:
    """A consumer without a group of its own."""
    return Consumer({"bootstrap.servers": broker.bootstrap_servers, "group.id": "bench", "enable.auto.commit": False})


def end_of(broker: Broker, topic: str) -> int:
    """How many records a topic holds."""
    asking = consumer(broker)
    ends = [asking.get_watermark_offsets(TopicPartition(topic, one), timeout=10)[1] for one in range(PARTITIONS)]
    asking.close()
    return sum(ends)


def messages(broker: Broker, topic: str) -> Iterator[tuple[int, bytes]]:
    """The Kafka timestamp, in milliseconds, and the value of each message."""
    reading = consumer(broker)
    for number in range(PARTITIONS):
        partition = TopicPartition(topic, number, 0)
        _, end = reading.get_watermark_offsets(partition, timeout=10)
        reading.assign([partition])
        while end and reading.position([partition])[0].offset < end:
            for message in reading.consume(10_000, timeout=1.0):
                if message.error() is None:
                    yield message.timestamp()[1], message.value()
    reading.close()


def latencies(folder: Path, broker: Broker) -> list[float]:
    """Seconds from the record that made a window pass to its result, a value a result."""
    (rule,) = chosen_rules(load(folder / "pipeline.yaml"), [RATE_GOAL])
    results = [(stamp, read_result(rule, value)) for stamp, value in messages(broker, RATE_GOAL)]
    keys = {result.key[0] for _, result in results}
    records: dict[str, list[tuple[int, float]]] = defaultdict(list)
    for stamp, value in messages(broker, RAW):
        record = json.loads(value)
        if record["client_ip"] in keys:
            records[record["client_ip"]].append((stamp, float(record["@timestamp"])))
    found = []
    for stamp, result in results:
        arrivals = sorted(arrived for arrived, at in records[result.key[0]] if result.start <= at < result.end)
        found.append((stamp - arrivals[int(rule.threshold or 0)]) / 1000)
    return found


def table(lags: dict[str, list[int]], found: list[float], rate: int) -> str:
    """The lags and the latencies in Markdown."""
    lines = [f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {rate:,} records/s", ""]
    lines += ["| goal | lag, median | lag, largest | lag in the last quarter, seconds |", "|---|---:|---:|---:|"]
    for goal, values in lags.items():
        late = statistics.median(values[-len(values) // 4 :]) / rate
        lines.append(f"| {goal} | {statistics.median(values):,.0f} | {max(values):,} | {late:.1f} |")
    if found:
        cuts = statistics.quantiles(found, n=100)
        lines += ["", f"{len(found):,} detections: p50 {cuts[49]:.2f} s, p90 {cuts[89]:.2f} s, p99 {cuts[98]:.2f} s"]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
