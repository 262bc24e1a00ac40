"""The writer of a lake as the process that runs it in earnest, what it is given, and what it has written."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil
from confluent_kafka import Consumer, Producer, TopicPartition

from logpipeline.api import parse
from logpipeline.lake.settings import KafkaSettings, LakeSettings, lake_settings
from logpipeline.settings import to_text
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

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def fill_disk(self) -> None:
        """Let every write to a file fail until the writer says so; the limit of a process needs no rights and no
        volume.
        """
        assert self._process is not None
        children = psutil.Process(self._process.pid).children(recursive=True)
        (jvm,) = [child for child in children if child.name() == "java"]
        soft, hard = jvm.rlimit(psutil.RLIMIT_FSIZE)
        jvm.rlimit(psutil.RLIMIT_FSIZE, (0, hard))
        try:
            self.wait_until(lambda tables: any(table["error"] for table in tables.values()))
        finally:
            jvm.rlimit(psutil.RLIMIT_FSIZE, (soft, hard))

    def get(self, path: str) -> bytes:
        with urllib.request.urlopen(f"http://127.0.0.1:{self._port}{path}", timeout=20) as answer:
            content: bytes = answer.read()
        return content

    def tables(self) -> dict[str, dict[str, Any]]:
        return {table["table"]: table for table in json.loads(self.get("/progress"))["tables"]}

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
        {"name": "codes", "preset": "status-counts"},
    ]
    return {
        "apiVersion": "logpipeline.dev/v1alpha1",
        "kind": "LogPipeline",
        "metadata": {"name": name},
        "spec": {"kafka": {"managed": {}}, "goals": goals, "lake": {"trigger": "1s", "tables": {"statuses": {}}}},
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


def counted(code: int, minute: int = 0) -> bytes:
    """A result of `codes`: so many requests as its own number, in the window that begins at 12:`minute`."""
    start, end = (f"2024-05-01T12:{moment:02d}:00Z" for moment in (minute, minute + 5))
    result = {"goal": "codes", "window_start": start, "window_end": end, "status": str(code), "count": code}
    return json.dumps(result).encode()


def settings_of(kafka: Broker, topic: str, uri: str, secret_folder: Path | None = None) -> LakeSettings:
    """The settings of a lake at `uri` whose topics are made here: small batches, so that there are many commits to be
    killed in, and maintenance all the time.
    """
    for name in ("raw", "client-rate", "by-tenant", "codes"):
        kafka.topic(f"{topic}.{name}", PARTITIONS)
    settings = lake_settings(
        parse(resource(topic)),
        owner=f"test/{topic}",
        uri=uri,
        kafka=KafkaSettings(bootstrap_servers=kafka.bootstrap_servers),
        secret_folder=secret_folder,
        metrics_port=free_port(),
    )
    return settings.model_copy(update={"max_records_per_batch": 1000, "maintenance": 5.0})


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


def ask(settings: LakeSettings, query: str, secret: Mapping[str, str] | None = None) -> list[tuple[Any, ...]]:
    with run(open_lake(settings.uri, Limits(), secret), query, 60) as rows:
        return list(rows.fetchall())


def in_lake(settings: LakeSettings, secret: Mapping[str, str] | None = None) -> dict[tuple[int, int], bytes]:
    """Every row of the table `raw`, as `on_topic`."""
    rows = ask(settings, 'select partition, "offset", coalesce(line_bytes, encode(line)) from raw', secret)
    found = {(partition, offset): bytes(line) for partition, offset, line in rows}
    assert len(found) == len(rows), "a record is there twice"
    return found
