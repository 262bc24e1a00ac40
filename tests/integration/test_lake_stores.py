"""A lake and a goal's checkpoint on stores that are no folder: HDFS and S3, with the writer and the store killed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from goal_process import GoalProcess
from lake_process import Writer, in_lake, on_topic, produce, record, resource, settings_of
from logpipeline.kafka.security import read_credentials
from logpipeline.lake.place import opened
from logpipeline.lake.settings import LakeSettings
from processes import Broker
from stores import S3, Hdfs

RECORDS = 3000


@pytest.fixture(scope="module")
def hdfs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hdfs]:
    nodes = Hdfs(tmp_path_factory.mktemp("hdfs"))
    nodes.start()
    yield nodes
    nodes.stop()


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    server = S3(tmp_path_factory.mktemp("s3"))
    server.start()
    yield server
    server.stop()


def _reads_on(writer: Writer, count: int) -> None:
    writer.wait_until(lambda tables: (tables["raw"]["offset_total"] or 0) >= count)


@contextmanager
def _killed_on_the_way(kafka: Broker, folder: Path, settings: LakeSettings) -> Iterator[Writer]:
    """A writer that was killed after a third of the records; it is to read all of them, and is gone after that."""
    writer = Writer(folder, settings)
    produce(kafka, settings.raw_topic, map(record, range(RECORDS)))
    try:
        writer.start()
        _reads_on(writer, RECORDS // 3)
        writer.kill()
        writer.start()
        yield writer
        _reads_on(writer, RECORDS)
    finally:
        writer.kill()


def test_on_hdfs_each_record_is_there_once_though_writer_and_datanode_are_killed(
    kafka: Broker, topic: str, hdfs: Hdfs, tmp_path: Path
) -> None:
    settings = settings_of(kafka, topic, f"{hdfs.uri}/lake")
    with _killed_on_the_way(kafka, tmp_path, settings) as writer:
        _reads_on(writer, 2 * RECORDS // 3)
        hdfs.data_node.kill()
        time.sleep(3)
        hdfs.data_node.start()
    assert in_lake(settings) == on_topic(kafka, settings.raw_topic)
    assert {"_delta_log"} <= hdfs.names("/lake/raw")


def test_on_s3_with_keys_and_certificate_of_a_secret(
    kafka: Broker, topic: str, s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3.bucket("history")
    secret = s3.secret(tmp_path / "keys")
    settings = settings_of(kafka, topic, "s3a://history/lake", secret)
    with _killed_on_the_way(kafka, tmp_path, settings) as writer:
        _reads_on(writer, 2 * RECORDS // 3)
        # It hangs rather than refuses.
        s3.freeze(15)
    monkeypatch.setenv("SSL_CERT_FILE", "none")
    assert in_lake(settings, opened(read_credentials(secret))) == on_topic(kafka, settings.raw_topic)
    assert S3.SECRET["secretKey"] not in writer.log.read_text()


def test_a_goal_goes_on_from_its_checkpoint_on_s3(kafka: Broker, topic: str, s3: S3, tmp_path: Path) -> None:
    s3.bucket("checkpoints")
    for name in ("raw", "invalid", "client-rate", "by-tenant", "codes"):
        kafka.topic(f"{topic}.{name}", 3)
    (tmp_path / "pipeline.yaml").write_text(yaml.safe_dump(resource(topic)))
    store = ("--checkpoints", "s3a://checkpoints/goals", "--checkpoint-secret", s3.secret(tmp_path / "keys"))
    produce(kafka, f"{topic}.raw", map(record, range(1000)))
    options = (*store, "--goal", "by-tenant")
    with GoalProcess(tmp_path, kafka, *options) as goal:
        before = goal.wait_until(lambda goals: all(one["offset_total"] == 1000 for one in goals))["by-tenant"]
        goal.kill()
    produce(kafka, f"{topic}.raw", map(record, range(1000, 2000)))
    with GoalProcess(tmp_path, kafka, *options) as goal:
        after = goal.wait_until(lambda goals: all(one["offset_total"] == 2000 for one in goals))["by-tenant"]
    assert before["checkpoint"] == after["checkpoint"] == "s3a://checkpoints/goals/by-tenant"
    assert after["batch"] > before["batch"], json.dumps(after)
