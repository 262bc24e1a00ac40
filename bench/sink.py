"""How fast the sink connector indexes, beside a client that sends Elasticsearch the same documents, taking turns.

    PYTHONPATH=tests/integration python bench/sink.py [--records 300000] [--repeat 3]

The connector reads a topic of one partition, configured as a pipeline's. The client sends what the connector has
indexed, ids and all, from memory: requests of as many records, as many at a time, to the same mapping. Both are timed
by Elasticsearch's own count, from the first documents to the last. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import orjson
from elasticsearch.helpers import scan

from logpipeline.api import load
from logpipeline.elastic.template import mappings
from logpipeline.kafka.connect import connector_config
from processes import Broker, ConnectWorker, Elasticsearch, generator
from test_elasticsearch_sink import SETTINGS
from test_up import SAMPLE

# The connector's own defaults.
RECORDS_A_REQUEST, REQUESTS_IN_FLIGHT = 2_000, 2


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--records", type=int, default=300_000)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        broker, search = Broker(folder / "kafka"), Elasticsearch(folder / "elasticsearch")
        broker.start()
        connect = ConnectWorker(folder / "connect", broker.bootstrap_servers)
        try:
            search.start()
            connect.start()
            rates: dict[str, list[float]] = {"a client's bulk requests": [], "the sink connector": []}
            requests: list[list[bytes]] = []
            for turn in range(options.repeat + 1):
                index = f"sink-{turn}"
                sunk = through_connector(broker, connect, search, index, options.records)
                if turn == 0:  # a warm-up for both, and what the client sends
                    requests = documents(search, index)
                sent = by_client(search, f"client-{turn}", requests, options.records)
                if turn:
                    rates["the sink connector"].append(sunk)
                    rates["a client's bulk requests"].append(sent)
                search.client().indices.delete(index=f"{index},client-{turn}")
        finally:
            connect.kill()
            search.kill()
            broker.stop()
    print(table(rates, options.records))


def through_connector(broker: Broker, connect: ConnectWorker, search: Elasticsearch, topic: str, records: int) -> float:
    """Documents a second of a connector over a topic of its own."""
    broker.topic(topic)
    kafka = ("--bootstrap-servers", broker.bootstrap_servers, "--topic", topic)
    stream = ("--start", 1659509511, "--count", records, "--rate", 20_000)
    generator("generate", *kafka, *stream)
    search.client().indices.create(index=topic, mappings=mappings(), settings=SETTINGS)
    connector = f"/connectors/{topic}"
    config = connector_config(load(SAMPLE), url=search.url, brokers=1, secret_folder=None, secret_keys=frozenset())
    config |= {"topics": topic, "index": topic, "errors.deadletterqueue.topic.name": f"{topic}-dead-letters"}
    rate = timed(search, topic, records, lambda: connect.request("PUT", f"{connector}/config", config))
    connect.request("DELETE", connector)
    return rate


def documents(search: Elasticsearch, index: str) -> list[list[bytes]]:
    """What an index holds, as the lines of bulk requests."""
    search.client().indices.refresh(index=index)
    lines = [
        (orjson.dumps({"create": {"_id": hit["_id"]}}), orjson.dumps(hit["_source"]))
        for hit in scan(search.client(), index=index, size=5_000)
    ]
    parts = (lines[start : start + RECORDS_A_REQUEST] for start in range(0, len(lines), RECORDS_A_REQUEST))
    return [[line for pair in part for line in pair] for part in parts]


def by_client(search: Elasticsearch, index: str, requests: list[list[bytes]], records: int) -> float:
    """Documents a second of a client that has nothing else to do."""
    client = search.client()
    client.indices.create(index=index, mappings=mappings(), settings=SETTINGS)
    with ThreadPoolExecutor(REQUESTS_IN_FLIGHT) as pool:
        return timed(
            search,
            index,
            records,
            lambda: [pool.submit(client.bulk, index=index, operations=lines) for lines in requests],
        )


def timed(search: Elasticsearch, index: str, records: int, start: Callable[[], object]) -> float:
    """Documents a second, from the first that are there to the last."""
    client = search.client()
    start()
    first: tuple[float, int] | None = None
    while True:
        stats = client.indices.stats(index=index, metric="indexing")
        count = stats["indices"][index]["primaries"]["indexing"]["index_total"]
        now = time.monotonic()
        if count and first is None:
            first = now, count
        if first is not None and count >= records:
            return (count - first[1]) / (now - first[0])
        time.sleep(0.05)


def table(rates: dict[str, list[float]], records: int) -> str:
    """The rates in Markdown, compared to the first."""
    client = statistics.median(next(iter(rates.values())))
    machine = f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    lines = [
        f"{machine}, {records:,} records",
        "",
        "| what | documents/s, median | min to max | ratio to the client |",
        "|---|---:|---:|---:|",
    ]
    for name, values in rates.items():
        middle = statistics.median(values)
        lines.append(f"| {name} | {middle:,.0f} | {min(values):,.0f} to {max(values):,.0f} | {middle / client:.2f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
