"""A log of millions of lines through produce, Kafka, the lake and the report: what each takes, and whether all agree.

    PYTHONPATH=tests/integration python bench/history.py [--lines 13000000] [--indexed 300000]

The lines are made up in the form of EDGAR's log; what is written is counted by status while it is. Then each step is a
process of its own, timed from its start to its end, with the largest memory of its processes. The lake is counted by
DuckDB. `--indexed`: so many of the records also go through the sink connector, and Elasticsearch counts them. Prints a
Markdown table.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import psutil
import yaml

from lake_process import Writer
from logpipeline.api import load
from logpipeline.elastic.template import mappings
from logpipeline.kafka.connect import connector_config
from logpipeline.lake.settings import KafkaSettings, lake_settings
from logpipeline.sql.reader import Limits, open_lake, run
from processes import Broker, ConnectWorker, Elasticsearch, free_port
from test_elasticsearch_sink import SETTINGS

START = datetime(2004, 5, 18, tzinfo=UTC)
PARTITIONS = 4
STATUSES, SHARES = (200, 304, 404, 301, 403, 500), (0.82, 0.08, 0.06, 0.02, 0.015, 0.005)
CHUNK = 500_000
RESOURCE: dict[str, Any] = {
    "apiVersion": "logpipeline.dev/v1alpha1",
    "kind": "LogPipeline",
    "metadata": {"name": "edgar"},
    "spec": {
        "kafka": {"managed": {}},
        "source": {"format": "common", "topic": {"partitions": PARTITIONS}},
        "goals": [{"name": "codes", "preset": "status-counts"}],
        "sink": {"elasticsearch": {"managed": {}}},
        "lake": {"trigger": "5s"},
    },
}
MIB = 1 << 20
Counts = Mapping[int, int]


def main() -> None:
    """Do it, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--lines", type=int, default=13_000_000)
    parser.add_argument("--indexed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        log, resource = folder / "access.log", folder / "edgar.yaml"
        expected = made_up(log, options.lines)
        lake = folder / "lake"
        document = json.loads(json.dumps(RESOURCE))
        document["spec"]["lake"]["uri"] = f"file://{lake}"
        resource.write_text(yaml.safe_dump(document))
        rows: list[tuple[str, float, int, Counts | None]] = []
        broker = Broker(folder / "kafka")
        broker.start()
        try:
            for topic in ("raw", "invalid", "codes"):
                broker.topic(f"edgar.{topic}", PARTITIONS)
            kafka = ("--bootstrap-servers", broker.bootstrap_servers)
            rows.append(("produce, into Kafka", *command("produce", "--topic", "edgar.raw", *kafka, log), None))
            rows.append(("the lake's writer", *written(folder, resource, broker, options.lines), None))
            began = time.monotonic()
            counted = in_lake(f"file://{lake}")
            rows.append(("DuckDB over the lake, by status", time.monotonic() - began, 0, counted))
            page = ("--output", folder / "report.html", "-f", resource)
            for what, source in (
                ("report of the lake, first", ("--lake", "2004-05-01", "2004-06-30")),
                ("report of the lake, again", ("--lake", "2004-05-01", "2004-06-30")),
                ("report of the file", ("--input", log)),
                ("report of the topic", ("--topic", *kafka)),
            ):
                rows.append((what, *command("report", *source, *page), reported(resource, source)))
            results = folder / "results"
            took = command("backtest", "-f", resource, "--input", log, "--output", results)
            rows.append(("backtest of the file, status-counts", *took, in_results(results / "codes.jsonl")))
            if options.indexed:
                indexed(broker, folder, resource, options.indexed)
        finally:
            broker.stop()
        sizes = log.stat().st_size, sum(file.stat().st_size for file in (lake / "raw").rglob("*.parquet"))
    print(table(rows, expected, options.lines, *sizes))


def made_up(path: Path, lines: int) -> Counts:
    """Write the log, a fifth of a second between two lines, and return how many it has by status."""
    chance = np.random.default_rng(1)
    found: Counter[int] = Counter()
    with path.open("wb") as file:
        for first in range(0, lines, CHUNK):
            count = min(CHUNK, lines - first)
            statuses = chance.choice(STATUSES, count, p=SHARES)
            found.update(statuses.tolist())
            moments = int(START.timestamp()) + np.arange(first, first + count) // 5
            clients = np.minimum(chance.zipf(1.3, count), 250_000)
            company, filing = chance.integers(1_000, 2_000_000, count), chance.integers(10_000_000, 99_999_999, count)
            at = pl.Series(moments * 1000, dtype=pl.Int64).cast(pl.Datetime("ms"))
            frame = pl.DataFrame(
                {
                    "a": clients % 223 + 1, "b": clients // 223 % 256, "c": clients // 57_088, "company": company,
                    "filing": filing, "year": chance.integers(10, 99, count), "status": statuses,
                    "bytes": chance.lognormal(9, 1.5, count).astype(np.int64),
                    "at": at.dt.strftime("%Y-%m-%d %H:%M:%S"),
                }
            )  # fmt: skip
            text = pl.format(
                '{}.{}.113.{} - - [{}] "GET /Archives/edgar/data/{}/00{}{}/00{}-{}-exhibit-99-of-the-annual-report-of-'
                '{}-index.htm HTTP/1.0" {} {}\n',
                "a", "b", "c", "at", "company", "filing", "year", "filing", "year", "company", "status", "bytes",
            )  # fmt: skip
            file.write("".join(frame.select(text).to_series().to_list()).encode())
    return found


def command(*words: object) -> tuple[float, int]:
    """Run a command of ours; returns its seconds, and the largest memory of its processes in bytes."""
    process = subprocess.Popen([sys.executable, "-m", "logpipeline", *map(str, words)], stdout=subprocess.DEVNULL)
    began = time.monotonic()
    largest = watched(process.pid, lambda: process.poll() is None)
    assert process.returncode == 0, words
    return time.monotonic() - began, largest


def watched(pid: int, runs: Callable[[], bool]) -> int:
    """Return the largest memory of a process and its children, in bytes, for as long as it `runs`."""
    largest = 0
    while runs():
        try:
            family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
            largest = max(largest, sum(process.memory_info().rss for process in family))
        except psutil.NoSuchProcess:
            pass
        time.sleep(0.2)
    return largest


def written(folder: Path, resource: Path, broker: Broker, records: int) -> tuple[float, int]:
    """Let the lake's writer write all of the topic; returns as `command` does."""
    pipeline = load(resource)
    assert pipeline.spec.lake is not None
    settings = lake_settings(
        pipeline,
        owner="bench",
        uri=pipeline.spec.lake.uri or "",
        kafka=KafkaSettings(bootstrap_servers=broker.bootstrap_servers),
        metrics_port=free_port(),
    )
    writer = Writer(folder, settings)
    writer.start()
    began = time.monotonic()
    done = threading.Event()
    largest: list[int] = []
    watching = threading.Thread(target=lambda: largest.append(watched(writer.pid, lambda: not done.is_set())))
    watching.start()
    try:
        writer.wait_until(lambda tables: tables["raw"]["offset_total"] == records, seconds=7200)
    finally:
        done.set()
        watching.join()
    seconds = time.monotonic() - began
    writer.kill()
    return seconds, largest[0]


def in_lake(uri: str) -> Counts:
    """Count the lake's records by status."""
    with run(open_lake(uri, Limits()), "SELECT status, count(*) FROM raw GROUP BY ALL", None) as found:
        return dict(found.fetchall())


def reported(resource: Path, source: tuple[object, ...]) -> Counts:
    """What the report's numbers say by status."""
    words = ("report", "-f", resource, *source, "--format", "json", "--top", 1000)
    done = subprocess.run(
        [sys.executable, "-m", "logpipeline", *map(str, words)], capture_output=True, text=True, check=True
    )
    return {int(row["status"]): row["records"] for row in json.loads(done.stdout)["statuses"]}


def in_results(path: Path) -> Counts:
    """Add up the windows of a goal that counts by status."""
    found: Counter[int] = Counter()
    with path.open() as lines:
        for line in map(json.loads, lines):
            found[int(line["status"])] += line["count"]
    return found


def indexed(broker: Broker, folder: Path, resource: Path, records: int) -> None:
    """Let the sink connector index the first records of a topic of its own, and print how they are counted."""
    log, topic = folder / "some.log", "edgar.some"
    expected = made_up(log, records)
    broker.topic(topic, PARTITIONS)
    command("produce", "--topic", topic, "--bootstrap-servers", broker.bootstrap_servers, log)
    search, connect = Elasticsearch(folder / "search"), ConnectWorker(folder / "connect", broker.bootstrap_servers)
    try:
        search.start()
        connect.start()
        client = search.client()
        client.indices.create(index=topic, mappings=mappings(), settings=SETTINGS)
        config = connector_config(
            load(resource), url=search.url, brokers=1, secret_folder=None, secret_keys=frozenset()
        )
        config |= {"topics": topic, "index": topic, "errors.deadletterqueue.topic.name": f"{topic}.dead-letters"}
        connect.request("PUT", f"/connectors/{topic}/config", config)
        while client.count(index=topic)["count"] < records:
            time.sleep(1)
            client.indices.refresh(index=topic)
        by_status = {"terms": {"field": "status", "size": 100}}
        answer = client.search(index=topic, size=0, aggregations={"by": by_status})
        found = {bucket["key"]: bucket["doc_count"] for bucket in answer["aggregations"]["by"]["buckets"]}
        print(f"Elasticsearch, of {records:,} records: {verdict(found, expected)}")
    finally:
        connect.kill()
        search.kill()


def verdict(counts: Counts, expected: Counts) -> str:
    """Whether counts are what was written, in words."""
    return "as written" if counts == expected else f"{dict(counts)}, not {dict(expected)}"


def table(rows: list[tuple[str, float, int, Counts | None]], expected: Counts, lines: int, log: int, lake: int) -> str:
    """The steps in Markdown."""
    machine = f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    found = [
        f"{machine}; {lines:,} lines, {log / 1e9:.2f} GB as text, {lake / 1e9:.2f} GB in the lake",
        "",
        "| what | seconds | records a second | memory, MiB | by status |",
        "|---|---:|---:|---:|---|",
    ]
    for what, seconds, memory, counts in rows:
        same = "" if counts is None else verdict(counts, expected)
        room = f"{memory / MIB:,.0f}" if memory else "–"
        found.append(f"| {what} | {seconds:.1f} | {lines / seconds:,.0f} | {room} | {same} |")
    return "\n".join(found)


if __name__ == "__main__":
    main()
