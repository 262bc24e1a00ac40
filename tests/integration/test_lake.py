"""The writer of a lake on real Kafka and Spark: killed again and again, each record and each window is there once."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from logpipeline.api import parse
from logpipeline.lake.settings import KafkaSettings, LakeSettings, lake_settings, to_text
from logpipeline.sql.reader import Limits, open_lake, run
from processes import Broker, free_port, own_temporary_files

START = 1714564800
PARTITIONS = 3


class Writer:
    """The process that writes the lake of `settings`."""

    def __init__(self, folder: Path, settings: LakeSettings) -> None:
        self._folder = folder
        self._port = settings.metrics_port
        (folder / "lake.yaml").write_text(to_text(settings))
        self.log = folder / "lake.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "logpipeline_spark.lake", "--settings", str(self._folder / "lake.yaml")]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, start_new_session=True, env=own_temporary_files(self._folder)
            )

    def kill(self, number: int = signal.SIGKILL) -> None:
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, number)
            self._process.wait(60)

    def tables(self) -> dict[str, dict[str, Any]]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/progress", timeout=5) as answer:
            return {table["table"]: table for table in json.load(answer)["tables"]}

    def wait_until(self, holds: Callable[[dict[str, dict[str, Any]]], bool], seconds: float = 240) -> None:
        deadline = time.monotonic() + seconds
        tables: dict[str, dict[str, Any]] = {}
        while time.monotonic() < deadline and self._process is not None and self._process.poll() is None:
            try:
                tables = self.tables()
            except OSError:
                tables = {}
            if tables and holds(tables):
                return
            time.sleep(0.2)
        raise AssertionError(f"{tables}; the log ends:\n{self.log.read_text(errors='replace')[-4000:]}")


def resource(name: str) -> dict[str, Any]:
    goals = [
        {"name": "client-rate", "preset": "client-rate"},
        {"name": "by-tenant", "groupBy": ["tenant"], "window": {"size": "1m"}},
    ]
    return {
        "apiVersion": "logpipeline.dev/v1alpha1",
        "kind": "LogPipeline",
        "metadata": {"name": name},
        "spec": {"kafka": {"managed": {}}, "goals": goals, "lake": {"trigger": "1s"}},
    }


def record(number: int) -> bytes:
    """One in ten is no record, one in fifty no text; the times are of three hours."""
    if number % 10 == 3:
        return b"no record %d" % number
    moment = START + number % 3 * 3600 + number / 100
    path = b"/\xff" if number % 50 == 7 else b"/%d" % number
    return b'{"@timestamp": %.3f, "client_ip": "192.0.2.%d", "status": %d, "path": "%s", "tenant": "t%d"}' % (
        moment,
        number % 250,
        404 if number % 7 == 0 else 200,
        path,
        number % 4,
    )


def window(number: int) -> bytes:
    start = f"2024-05-01T12:00:{number % 60:02d}Z"
    key = {"client_ip": f"192.0.2.{number // 60}"}
    return json.dumps({"goal": "client-rate", "window_start": start, "window_end": start, **key, "count": 11}).encode()


@pytest.fixture
def lake(tmp_path: Path, kafka: Broker, topic: str) -> Iterator[tuple[Writer, LakeSettings]]:
    pipeline = parse(resource(topic))
    for name in (f"{topic}.raw", f"{topic}.client-rate", f"{topic}.by-tenant"):
        kafka.topic(name, PARTITIONS)
    settings = lake_settings(
        pipeline,
        owner=f"test/{topic}",
        uri=f"file://{tmp_path}/a lake",
        kafka=KafkaSettings(bootstrap_servers=kafka.bootstrap_servers),
        metrics_port=free_port(),
    )
    # Small batches, so that there are many commits to be killed in; maintenance all the time.
    writer = Writer(tmp_path, settings.model_copy(update={"max_records_per_batch": 1000, "maintenance": 2.0}))
    yield writer, settings
    writer.kill()


def produce(kafka: Broker, topic: str, messages: Iterator[bytes]) -> None:
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers, "enable.idempotence": True})
    for number, message in enumerate(messages):
        producer.produce(topic, message, partition=number % PARTITIONS)
        producer.poll(0)
    assert producer.flush(60) == 0


def on_topic(kafka: Broker, topic: str) -> dict[tuple[int, int], bytes]:
    """Every record by partition and offset."""
    consumer = Consumer(
        {"bootstrap.servers": kafka.bootstrap_servers, "group.id": "count", "enable.partition.eof": True}
    )
    consumer.assign([TopicPartition(topic, number, 0) for number in range(PARTITIONS)])
    found: dict[tuple[int, int], bytes] = {}
    ended = 0
    while ended < PARTITIONS:
        message = consumer.poll(30)
        assert message is not None
        if message.error():
            ended += 1
            continue
        partition, offset, value = message.partition(), message.offset(), message.value()
        assert partition is not None and offset is not None and isinstance(value, bytes)
        found[partition, offset] = value
    consumer.close()
    return found


def ask(settings: LakeSettings, query: str) -> list[tuple[Any, ...]]:
    with run(open_lake(settings.uri, Limits()), query, 60) as rows:
        return list(rows.fetchall())


def in_lake(settings: LakeSettings) -> dict[tuple[int, int], bytes]:
    rows = ask(settings, 'select partition, "offset", coalesce(line_bytes, encode(line)) from raw')
    found = {(partition, offset): bytes(line) for partition, offset, line in rows}
    assert len(found) == len(rows), "a record is there twice"
    return found


def test_each_record_and_window_is_there_once_though_the_writer_is_killed(
    kafka: Broker, topic: str, lake: tuple[Writer, LakeSettings]
) -> None:
    writer, settings = lake
    raw, results = f"{topic}.raw", f"{topic}.client-rate"
    produce(kafka, raw, map(record, range(12_000)))
    # A goal that is killed writes its last windows again.
    produce(kafka, results, map(window, [*range(300), *range(200, 400)]))
    produce(kafka, results, iter([b"no result"]))
    for kills in range(1, 3):
        writer.start()
        done = 4000 * kills
        writer.wait_until(lambda tables, done=done: (tables["raw"]["offset_total"] or 0) >= done)  # type: ignore[misc]
        writer.kill()
    # A checkpoint that is lost costs nothing.
    shutil.rmtree(Path(settings.uri.removeprefix("file://")) / "_checkpoints" / "raw")
    writer.start()
    produce(kafka, raw, map(record, range(12_000, 13_000)))
    writer.wait_until(
        lambda tables: (
            all(table["lag_records"] == 0 for table in tables.values())
            and tables["raw"]["offset_total"] == 13_000
            and tables["results"]["offset_total"] == 501
        )
    )
    assert in_lake(settings) == on_topic(kafka, raw)
    assert ask(settings, 'select count(*), count(distinct identity), sum("count") from results') == [(400, 400, 4400)]
    (counted,) = ask(settings, "select count(*), count(invalid), count(*) filter (status = 999) from raw")
    assert counted == (13_000, 1300, 1300)
    tenants = ask(settings, "select fields['tenant'] t, count(*) from raw where invalid is null group by 1 order by 1")
    assert [count for _, count in tenants] == [sum(n % 4 == t and n % 10 != 3 for n in range(13_000)) for t in range(4)]
    hours = ask(
        settings,
        "select hour, count(*) from raw where invalid is null and date = DATE '2024-05-01' group by 1 order by 1",
    )
    assert [hour for hour, _ in hours] == [12, 13, 14]
    table = writer.tables()["raw"]
    assert table["files"] > 0 and table["bytes"] > 0
    writer.kill(signal.SIGTERM)
