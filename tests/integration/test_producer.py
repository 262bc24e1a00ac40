"""`produce` and `generate` against a real broker: every line once, in order, whatever happens to the broker."""

from __future__ import annotations

import gzip
import json
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic, ResourceType

from messages import count, watermarks
from processes import Broker, free_port

PYTHON_M = (sys.executable, "-m", "logpipeline_generator")


_started: list[subprocess.Popen[str]] = []


@pytest.fixture(autouse=True)
def _no_process_is_left() -> Iterator[None]:
    yield
    for process in _started:
        with process:  # closes its pipes, and waits
            process.kill()
    _started.clear()


def start(command: str, *arguments: object, stdin: int | None = None) -> subprocess.Popen[str]:
    line = [*PYTHON_M, command, *map(str, arguments)]
    _started.append(subprocess.Popen(line, stdin=stdin, stderr=subprocess.PIPE, text=True))
    return _started[-1]


def run(command: str, *arguments: object, stdin: str | None = None) -> tuple[int, str]:
    """Exit code and what went to stderr."""
    process = start(command, *arguments, stdin=subprocess.PIPE)
    _, errors = process.communicate(stdin, timeout=120)
    return process.returncode, errors


@pytest.fixture
def target(kafka: Broker, topic: str) -> tuple[str, ...]:
    """Options that name a topic of four partitions."""
    kafka.topic(topic, 4)
    return "--bootstrap-servers", kafka.bootstrap_servers, "--topic", topic


def partitions(kafka: Broker, topic: str) -> list[list[bytes]]:
    """All values of the topic, a list a partition."""
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap_servers, "group.id": topic, "log_level": 0})
    count = len(consumer.list_topics(topic, timeout=10).topics[topic].partitions)
    ends = {n: watermarks(consumer, TopicPartition(topic, n))[1] for n in range(count)}
    consumer.assign([TopicPartition(topic, n, 0) for n in range(count)])
    values: list[list[bytes]] = [[] for _ in range(count)]
    deadline = time.monotonic() + 60
    while any(len(values[n]) < end for n, end in ends.items()):
        assert time.monotonic() < deadline, f"read {[len(value) for value in values]} of {ends}"
        for message in consumer.consume(10_000, timeout=1.0):
            assert message.error() is None
            values[message.partition()].append(message.value())
    consumer.close()
    return values


def arrived(kafka: Broker, topic: str, records: int) -> None:
    """Wait until a topic holds so many records."""
    deadline = time.monotonic() + 60
    while count(kafka.bootstrap_servers, topic) < records:
        assert time.monotonic() < deadline, f"{topic} does not hold {records} records"
        time.sleep(0.1)


def numbered(path: Path, count: int) -> list[bytes]:
    lines = [b'{"line":%d,"padding":"%s"}' % (number, b"x" * (number % 100)) for number in range(count)]
    path.write_bytes(b"\n".join(lines) + b"\n")
    return lines


def test_lines_go_to_the_partitions_in_turn_and_in_order(
    kafka: Broker, topic: str, target: tuple[str, ...], tmp_path: Path
) -> None:
    lines = numbered(tmp_path / "log", 10_000)
    code, errors = run("produce", *target, "--file", tmp_path / "log")
    assert code == 0, errors
    assert partitions(kafka, topic) == [lines[n::4] for n in range(4)]
    assert "10,000 lines read, 10,000 sent, 10,000 acknowledged, 0 empty, 0 rejected" in errors


def test_a_killed_broker_costs_no_line_and_doubles_none(
    kafka: Broker, topic: str, target: tuple[str, ...], tmp_path: Path
) -> None:
    # After an outage it makes up for lost time; this is more than it sends in the second before the next kill.
    lines = numbered(tmp_path / "log", 1_500_000)
    producing = start("produce", *target, "--file", tmp_path / "log", "--rate", 150_000)
    arrived(kafka, topic, 1)
    for _ in range(2):
        kafka.kill()
        time.sleep(1.5)
        assert producing.poll() is None, "it waits"
        kafka.start()
        time.sleep(1)
    _, errors = producing.communicate(timeout=120)
    assert producing.returncode == 0, errors
    assert "waiting for Kafka" in errors
    assert "Kafka answers again" in errors
    assert "1,500,000 acknowledged" in errors
    assert partitions(kafka, topic) == [lines[n::4] for n in range(4)]


def test_limit_counts_lines_that_are_not_empty(
    kafka: Broker, topic: str, target: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "log").write_bytes(b"a\n\nb\r\n\nc\nd\n")
    assert run("produce", *target, "--file", tmp_path / "log", "--limit", 3)[0] == 0
    assert [b"".join(values) for values in partitions(kafka, topic)] == [b"a", b"b", b"c", b""]


def test_plain_and_gzip_files_one_after_the_other(
    kafka: Broker, topic: str, target: tuple[str, ...], tmp_path: Path
) -> None:
    lines = numbered(tmp_path / "log", 5_000)
    (tmp_path / "more.gz").write_bytes(gzip.compress(b"\n".join(lines)))
    code, errors = run("produce", *target, "--file", tmp_path / "log", "--file", tmp_path / "more.gz")
    assert code == 0, errors
    assert partitions(kafka, topic) == [(lines + lines)[n::4] for n in range(4)]


def test_standard_input_is_sent_as_it_comes(kafka: Broker, topic: str, target: tuple[str, ...]) -> None:
    producing = start("produce", *target, "--file", "-", stdin=subprocess.PIPE)
    assert producing.stdin
    producing.stdin.write("first\n")
    producing.stdin.flush()
    deadline = time.monotonic() + 30
    while sum(map(len, partitions(kafka, topic))) < 1:
        assert time.monotonic() < deadline
    _, errors = producing.communicate("second\n", timeout=30)
    assert producing.returncode == 0, errors
    assert partitions(kafka, topic)[:2] == [[b"first"], [b"second"]]


def test_empty_standard_input(target: tuple[str, ...]) -> None:
    code, errors = run("produce", *target, "--file", "-", stdin="")
    assert code == 2
    assert errors.splitlines()[-1] == "error: standard input: empty, there is nothing to send"


def test_reset_starts_again_with_partitions_and_settings_as_before(
    kafka: Broker, topic: str, target: tuple[str, ...], tmp_path: Path
) -> None:
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers, "log_level": 0})
    entry = ConfigEntry("retention.ms", "86400000", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
    for future in admin.incremental_alter_configs([resource]).values():
        future.result(timeout=30)
    numbered(tmp_path / "old", 5_000)
    lines = numbered(tmp_path / "new", 1_000)
    assert run("produce", *target, "--file", tmp_path / "old")[0] == 0
    code, errors = run("produce", *target, "--file", tmp_path / "new", "--reset")
    assert code == 0, errors
    assert f"resetting topic {topic}" in errors
    assert partitions(kafka, topic) == [lines[n::4] for n in range(4)]
    (described,) = admin.describe_configs([ConfigResource(ResourceType.TOPIC, topic)]).values()
    assert described.result(timeout=30)["retention.ms"].value == "86400000"


def test_an_absent_topic_is_created_with_the_partitions_asked_for(kafka: Broker, topic: str, tmp_path: Path) -> None:
    lines = numbered(tmp_path / "log", 100)
    options = ("--bootstrap-servers", kafka.bootstrap_servers, "--topic", topic, "--partitions", 3)
    for extra in ((), ("--reset",)):
        assert run("produce", *options, "--file", tmp_path / "log", *extra)[0] == 0
        assert partitions(kafka, topic) == [lines[n::3] for n in range(3)]


def test_a_line_that_the_topic_does_not_take_is_named_and_the_rest_goes_on(
    kafka: Broker, topic: str, tmp_path: Path
) -> None:
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers, "log_level": 0})
    admin.create_topics([NewTopic(topic, 1, 1, config={"max.message.bytes": "50000"})])[topic].result(timeout=30)
    # what just fits must be taken: incompressible, so that the broker sees its full size
    fits = bytes(1 + (n * n * 7919 >> 5) % 9 + 48 for n in range(49_000))
    (tmp_path / "log").write_bytes(b"a\n" + b"b" * 60_000 + b"\n" + fits + b"\nc\n")
    options = ("--bootstrap-servers", kafka.bootstrap_servers, "--topic", topic)
    code, errors = run("produce", *options, "--file", tmp_path / "log")
    assert code == 1
    assert "line 2: 60,000 bytes" in errors
    assert "4 lines read, 3 sent, 3 acknowledged, 0 empty, 1 rejected" in errors
    assert partitions(kafka, topic) == [[b"a", fits, b"c"]]


def test_lines_of_15_mib_pass(kafka: Broker, topic: str, target: tuple[str, ...], tmp_path: Path) -> None:
    lines = [bytes([48 + n]) * (15 << 20) for n in range(6)]
    (tmp_path / "log").write_bytes(b"\n".join(lines))
    code, errors = run("produce", *target, "--file", tmp_path / "log")
    assert code == 0, errors
    assert partitions(kafka, topic) == [lines[n::4] for n in range(4)]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_delivers_what_was_sent(
    *, kafka: Broker, topic: str, target: tuple[str, ...], tmp_path: Path, number: signal.Signals, code: int
) -> None:
    lines = numbered(tmp_path / "log", 100_000)
    producing = start("produce", *target, "--file", tmp_path / "log", "--rate", 5_000)
    arrived(kafka, topic, 1)
    producing.send_signal(number)
    _, errors = producing.communicate(timeout=30)
    assert producing.returncode == code, errors
    held = partitions(kafka, topic)
    sent = sum(map(len, held))
    assert 0 < sent < 100_000
    assert held == [lines[:sent][n::4] for n in range(4)]
    assert f"{sent:,} sent, {sent:,} acknowledged" in errors


def test_a_signal_while_the_broker_is_away_says_what_is_not_delivered(
    kafka: Broker, topic: str, target: tuple[str, ...], tmp_path: Path
) -> None:
    numbered(tmp_path / "log", 200_000)
    producing = start("produce", *target, "--file", tmp_path / "log", "--rate", 5_000)
    arrived(kafka, topic, 1)
    kafka.kill()
    try:
        time.sleep(1)
        for _ in range(2):  # the second signal does not wait for the grace period
            producing.send_signal(signal.SIGTERM)
            time.sleep(0.5)
        _, errors = producing.communicate(timeout=30)
    finally:
        kafka.start()
    assert producing.returncode == 1
    assert "not delivered" in errors


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("missing", None, "no such file or directory"),
        ("empty", b"", "empty, there is nothing to send"),
        (".", None, "is a directory, not a file"),
    ],
)
def test_a_bad_file_is_one_line_and_exit_code_2(
    *, kafka: Broker, topic: str, tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    target = ("--bootstrap-servers", kafka.bootstrap_servers, "--topic", topic)
    assert run("produce", *target, "--file", path) == (2, f"error: {path}: {message}\n")


def test_an_unreachable_broker_is_one_line_and_exit_code_2() -> None:
    servers = f"127.0.0.1:{free_port()}"
    code, errors = run("generate", "--bootstrap-servers", servers, "--topic", "t", "--count", 1)
    assert code == 2
    assert len(errors.splitlines()) == 1
    assert errors.startswith(f"error: cannot reach Kafka at {servers}: tried for 10 s (")
    assert "refused" in errors


def test_generate_writes_what_it_counts(kafka: Broker, topic: str, target: tuple[str, ...], tmp_path: Path) -> None:
    options = ("--start", "2022-08-03T06:51:51Z", "--count", 20_000, "--malformed-share", 0.01)
    assert run("generate", *target, *options)[0] == 0
    assert run("generate", "--output", tmp_path / "same", *options)[0] == 0
    lines = (tmp_path / "same").read_bytes().split(b"\n")[:-1]
    assert partitions(kafka, topic) == [lines[n::4] for n in range(4)]


def test_live_generate_is_on_time_and_ends_well(kafka: Broker, topic: str, target: tuple[str, ...]) -> None:
    port = free_port()
    begun = time.time()
    generating = start("generate", *target, "--rate", 100, "--metrics-port", port)
    arrived(kafka, topic, 300)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        scraped = answer.read().decode()
    generating.send_signal(signal.SIGTERM)
    _, errors = generating.communicate(timeout=30)
    assert generating.returncode == 0, errors
    times = [float(json.loads(value)["@timestamp"]) for values in partitions(kafka, topic) for value in values]
    assert len(times) >= 300
    assert begun <= min(times) <= max(times) <= time.time()
    assert "logpipeline_generator_records_total" in scraped
    assert "logpipeline_generator_queue_records" in scraped
