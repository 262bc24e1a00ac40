"""`consume` against a real broker."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from confluent_kafka import Producer

from processes import Broker

COMMAND = [sys.executable, "-m", "logpipeline", "consume"]
VALUES: list[bytes | None] = [
    b'{"host": "a", "n": 1.50, "n": 2}',
    b'{"host":\n"b"}',
    b"not JSON \xff",
    b"",
    None,
    b'"text"',
]
PRINTED = ['{"host": "a", "n": 1.50, "n": 2}', '{"host":"b"}', '"not JSON \ufffd"', '""', "null", '"text"']


def consume(kafka: Broker, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [*COMMAND, *arguments, "--bootstrap-servers", kafka.bootstrap_servers]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def filled(kafka: Broker, topic: str) -> str:
    """A topic of one partition that holds VALUES."""
    kafka.topic(topic)
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers})
    for number, value in enumerate(VALUES):
        producer.produce(topic, value, key=str(number).encode())
    assert producer.flush(30) == 0
    return topic


def test_every_record_is_one_line_of_json(kafka: Broker, filled: str) -> None:
    run = consume(kafka, filled, "--from-beginning", "--exit-at-end")
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.splitlines() == PRINTED


def test_no_more_than_the_limit(kafka: Broker, filled: str) -> None:
    run = consume(kafka, filled, "--from-beginning", "--limit", "2", "--key")
    assert run.returncode == 0
    assert [json.loads(line)["key"] for line in run.stdout.splitlines()] == [0, 1]


def test_the_latest_are_none_when_nothing_comes(kafka: Broker, filled: str) -> None:
    run = consume(kafka, filled, "--exit-at-end")
    assert (run.returncode, run.stdout) == (0, "")


def test_new_records_are_printed_as_they_come(kafka: Broker, filled: str) -> None:
    command = [*COMMAND, filled, "--limit", "1", "--bootstrap-servers", kafka.bootstrap_servers]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        assert run.stderr is not None
        assert "waiting for new records" in run.stderr.readline()
        producer = Producer({"bootstrap.servers": kafka.bootstrap_servers})
        producer.produce(filled, b"[1]")
        producer.flush(30)
        assert run.communicate(timeout=30)[0] == "[1]\n"


def test_an_empty_topic_ends_at_once(kafka: Broker, topic: str) -> None:
    kafka.topic(topic, partitions=3)
    run = consume(kafka, topic, "--from-beginning", "--exit-at-end")
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


def test_a_reader_that_has_seen_enough_is_no_error(kafka: Broker, topic: str) -> None:
    kafka.topic(topic)
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers})
    for number in range(20_000):
        producer.produce(topic, b'{"n":%d,"filler":"%s"}' % (number, b"x" * 100))
    producer.flush(30)
    command = [*COMMAND, topic, "--from-beginning", "--bootstrap-servers", kafka.bootstrap_servers]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        assert run.stdout is not None
        assert run.stderr is not None
        assert run.stdout.readline().startswith(b'{"n":0,')
        run.stdout.close()
        assert run.stderr.read() == b""
        assert run.wait(timeout=30) == 0


def test_an_unknown_topic_is_an_error_with_near_names(kafka: Broker, filled: str) -> None:
    run = consume(kafka, f"{filled}x", "--from-beginning")
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr.startswith(f"error: no topic '{filled}x' on Kafka at {kafka.bootstrap_servers}; did you mean ")
    assert filled in run.stderr
    assert len(run.stderr.splitlines()) == 1


def test_a_broker_that_is_not_there_is_an_error_that_says_how_long_it_was_tried() -> None:
    command = [*COMMAND, "any", "--bootstrap-servers", "127.0.0.1:1"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 2
    assert run.stderr.startswith("error: Kafka at 127.0.0.1:1 cannot be reached: tried for 10 s (")
    assert len(run.stderr.splitlines()) == 1


def test_unreadable_client_settings_are_an_error(kafka: Broker, tmp_path: Path) -> None:
    run = consume(kafka, "any", "--client-config", str(tmp_path / "none"))
    assert run.returncode == 2
    assert run.stderr == f"error: {tmp_path}/none: cannot read the Kafka client settings: No such file or directory\n"


def test_a_state_folder_without_a_run_is_an_error(tmp_path: Path) -> None:
    command = [*COMMAND, "any", "--state", str(tmp_path)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 2
    assert run.stderr == f"error: --state: no `logpipeline up` has written a status to {tmp_path}\n"
