"""How long a detection takes at a steady rate, and whether the goals keep up: the path from producer to result.

    PYTHONPATH=tests/integration python bench/latency.py --rate 20000 [--seconds 120] [--goal client-rate]

Starts a broker, the goals in one process as `logpipeline up` does, and the generator with an offender every two
seconds. A detection's latency is from the Kafka timestamp of the record that made its window pass (the eleventh) to
that of its result. Prints a Markdown table: latency, and how far behind each goal was.
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
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml
from confluent_kafka import Consumer, TopicPartition

from logpipeline.api import load
from logpipeline.results import read_result
from logpipeline.rules import chosen_rules
from messages import count
from processes import Broker, free_port

PRESETS = ("client-rate", "host-errors", "country-success", "host-latency")
RAW, RATE_GOAL = "bench-raw", "client-rate"
PARTITIONS = 4
LOOK_EVERY = 0.25
WARM_UP_MS = 30_000


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rate", type=int, default=20_000, help="records a second")
    parser.add_argument("--seconds", type=int, default=120)
    parser.add_argument("--goal", action="append", choices=PRESETS, help="default: client-rate alone")
    parser.add_argument("--trigger", default="500ms")
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
            found = latencies(folder, broker) if RATE_GOAL in goals else ()
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
    port = free_port()
    command = [sys.executable, "-m", "logpipeline_spark.goal", "--pipeline", str(folder / "pipeline.yaml")]
    command += ["--bootstrap-servers", broker.bootstrap_servers, "--metrics-port", str(port)]
    command += ["--checkpoints", str(folder / "checkpoints")]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    lags: dict[str, list[int]] = {goal: [] for goal in goals}
    try:
        wait_until(lambda: states(port) == ["running"] * len(goals))
        generator = ["generate", "--bootstrap-servers", broker.bootstrap_servers, "--topic", RAW, "--rate", str(rate)]
        generator += ["--for", f"{seconds}s", "--clients", "500000", "--hosts", "60000", "--offenders-every", "2"]
        with subprocess.Popen([sys.executable, "-m", "logpipeline_generator", *generator]) as producing:
            while producing.poll() is None:
                time.sleep(LOOK_EVERY)
                end = count(broker.bootstrap_servers, RAW)
                for name, goal in progress(port).items():
                    lags[name].append(end - (goal["offset_total"] or 0))
        end = count(broker.bootstrap_servers, RAW)
        wait_until(lambda: all(goal["offset_total"] == end for goal in progress(port).values()))
    finally:
        process.terminate()
        process.wait(60)
    return lags


def states(port: int) -> list[str]:
    """The state of each goal; none while the process does not answer."""
    try:
        return [goal["state"] for goal in progress(port).values()]
    except OSError:
        return []


def progress(port: int) -> dict[str, dict[str, Any]]:
    """What each goal says of itself."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/progress", timeout=5) as answer:
        return {goal["goal"]: goal for goal in json.load(answer)["goals"]}


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


def latencies(folder: Path, broker: Broker) -> tuple[list[float], list[float]]:
    """Seconds from the record that made a window pass to its result, a value a result: in the warm-up, and after it."""
    (rule,) = chosen_rules(load(folder / "pipeline.yaml"), [RATE_GOAL])
    results = [(stamp, read_result(rule, value)) for stamp, value in messages(broker, RATE_GOAL)]
    keys = {result.key[0] for _, result in results}
    records: dict[str, list[tuple[int, float]]] = defaultdict(list)
    began = sys.maxsize
    for stamp, value in messages(broker, RAW):
        began = min(began, stamp)
        record = json.loads(value)
        if record["client_ip"] in keys:
            records[record["client_ip"]].append((stamp, float(record["@timestamp"])))
    found: tuple[list[float], list[float]] = [], []
    for stamp, result in results:
        arrivals = sorted(arrived for arrived, at in records[result.key[0]] if result.start <= at < result.end)
        passed = arrivals[int(rule.threshold or 0)]
        found[passed - began > WARM_UP_MS].append((stamp - passed) / 1000)
    return found


def table(lags: dict[str, list[int]], found: Sequence[list[float]], rate: int) -> str:
    """The lags and the latencies in Markdown."""
    lines = [f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {rate:,} records/s", ""]
    lines += ["| goal | lag, median | lag, largest | lag in the last quarter, seconds |", "|---|---:|---:|---:|"]
    for goal, values in lags.items():
        late = statistics.median(values[-len(values) // 4 :]) / rate
        lines.append(f"| {goal} | {statistics.median(values):,.0f} | {max(values):,} | {late:.1f} |")
    if found:
        lines += ["", "| detections | | p50, s | p90, s | p99, s |", "|---|---:|---:|---:|---:|"]
    for name, values in zip((f"first {WARM_UP_MS // 1000} s", "after that"), found, strict=False):
        cuts = statistics.quantiles(values, n=100)
        lines.append(f"| {name} | {len(values):,} | {cuts[49]:.2f} | {cuts[89]:.2f} | {cuts[98]:.2f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
