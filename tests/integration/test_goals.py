"""The goals on real Kafka and Spark, killed on the way, against DuckDB over the raw topic; and backtest against both."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from confluent_kafka import Producer

from goal_process import GoalProcess
from messages import Message, read
from processes import Broker, generator
from reference import Reference, assert_live_results, found

LATENESS = 5
COUNT = {"count": {}}
# As the resource has them, but for sizes (seconds) and having (a number); `preset` is what the product fills in by
# itself.
GOALS: dict[str, dict[str, Any]] = {
    "client-rate": {"preset": True, "groupBy": ["client_ip"], "size": 20, "slide": 1, "aggregate": COUNT, "having": 10},
    "host-errors": {
        "preset": True, "where": [{"field": "status", "between": [400, 499]}],
        "groupBy": ["host"], "size": 30, "slide": 1, "aggregate": COUNT, "having": 15,
    },
    "country-success": {
        "preset": True, "where": [{"field": "status", "between": [200, 299]}],
        "groupBy": ["country"], "size": 60, "slide": 60, "aggregate": COUNT,
    },
    "host-latency": {"preset": True, "groupBy": ["host"], "size": 60, "slide": 60, "aggregate": {"avg": {"field": "request_time"}}},
    "client-rate-final": {"groupBy": ["client_ip"], "size": 20, "slide": 1, "aggregate": COUNT, "having": 10, "emit": "final"},
    "host-errors-final": {
        "where": [{"field": "status", "between": [400, 499]}],
        "groupBy": ["host"], "size": 30, "slide": 1, "aggregate": COUNT, "having": 15, "emit": "final",
    },
    "sum": {"groupBy": ["country"], "size": 60, "slide": 20, "aggregate": {"sum": {"field": "request_time"}}},
    "avg": {"groupBy": ["server"], "size": 20, "slide": 5, "aggregate": {"avg": {"field": "request_time"}}},
    "min": {"groupBy": ["status", "country"], "size": 30, "slide": 10, "aggregate": {"min": {"field": "request_time"}}},
    "max": {"groupBy": ["method"], "size": 10, "slide": 5, "aggregate": {"max": {"field": "request_time"}}, "having": 0.9},
    # The preset, in windows of which some close in the time that the records span.
    "status-counts": {"groupBy": ["status"], "size": 20, "slide": 20, "aggregate": COUNT},
    "jump": {"groupBy": ["host"], "size": 10, "slide": 5, "aggregate": COUNT, "having": 3, "previous": (1.5, 3)},
    "p95": {"groupBy": ["host"], "size": 60, "slide": 30, "aggregate": {"p95": {"field": "request_time"}}},
}  # fmt: skip
EARLY = {"client-rate", "host-errors"}
# Clients whose names hold what separates things on the way: each asks often enough to be told of.
ODD_CLIENTS = [
    "a|b",
    "a\nb",
    "a\tb",
    "a\x1eb",
    "a\x1fb",
    "\x1d0\x1d1\x1e\x1d",
    'a"b\\',
    "é漢😀",
    "",
    " ",
    "2001:db8::1",
    "\x00",
]
START = 1659509511


def resource(name: str) -> dict[str, Any]:
    goals = []
    for goal, rule in GOALS.items():
        if rule.get("preset"):
            goals.append({"name": goal, "preset": goal})
            continue
        written = {key: value for key, value in rule.items() if key in ("where", "groupBy", "aggregate", "emit")}
        written |= {"name": goal, "window": {"size": f"{rule['size']}s", "slide": f"{rule['slide']}s"}}
        having = {"greaterThan": rule["having"]} if "having" in rule else {}
        if "previous" in rule:
            having["timesPrevious"], having["over"] = rule["previous"]
        goals.append(written | ({"having": having} if having else {}))
    return {
        "apiVersion": "logpipeline.dev/v1alpha1",
        "kind": "LogPipeline",
        "metadata": {"name": name},
        "spec": {
            "source": {"topic": {"partitions": 4}, "allowedLateness": f"{LATENESS}s"},
            "kafka": {"managed": {}},
            "spark": {"maxRecordsPerBatch": 8000},
            "goals": goals,
        },
    }


@dataclass
class Run:
    """What stands on the topics when everything has been read."""

    folder: Path
    raw: list[Message]
    results: dict[str, list[Message]]
    invalid: list[Message]
    progress: dict[str, dict[str, Any]]
    reference: Reference
    truth: list[dict[str, Any]]


def send_odd_clients(kafka: Broker, topic: str) -> None:
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers})
    for index, client in enumerate(ODD_CLIENTS * 12):
        record = {"client_ip": client, "status": 404, "host": client, "@timestamp": START + index / 100}
        producer.produce(topic, json.dumps(record, ensure_ascii=index % 2 == 0), partition=index % 4)
    assert producer.flush(30) == 0


def generate(kafka: Broker, topic: str, options: dict[str, object]) -> None:
    options = {"--bootstrap-servers": kafka.bootstrap_servers, "--topic": topic, **options}
    arguments = [str(part) for option in options.items() for part in option]
    generator("generate", *arguments)


@pytest.fixture(scope="module")
def run(kafka: Broker, tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("goals")
    (folder / "pipeline.yaml").write_text(yaml.safe_dump(resource("goals")))
    raw = kafka.topic("goals.raw", 4)
    for name in ("invalid", *GOALS):
        kafka.topic(f"goals.{name}", 1)
    send_odd_clients(kafka, raw)
    shares = {"--malformed-share": 0.01, "--out-of-order-share": 0.1, "--offenders-every": 10, "--seed": 7}
    generate(kafka, raw, {"--count": 40000, "--start": START, "--ground-truth": folder / "truth.jsonl", **shares})
    messages = read(kafka.bootstrap_servers, raw)

    with GoalProcess(folder, kafka) as first:
        first.wait_until(lambda goals: any((goal["batch"] or 0) >= 2 for goal in goals))
    with GoalProcess(folder, kafka) as second:
        progress = second.wait_until(lambda goals: all(goal["lag_records"] == 0 for goal in goals))
        assert second.stop() == 0
    return Run(
        folder=folder,
        raw=messages,
        results={name: read(kafka.bootstrap_servers, f"goals.{name}") for name in GOALS},
        invalid=read(kafka.bootstrap_servers, "goals.invalid"),
        progress=progress,
        reference=Reference(messages),
        truth=[json.loads(line) for line in (folder / "truth.jsonl").read_text().splitlines()],
    )


@pytest.mark.parametrize("name", GOALS)
def test_live_results_equal_the_reference(run: Run, name: str) -> None:
    rule = GOALS[name]
    values = (message.value for message in run.results[name])
    assert assert_live_results(run.reference, values, rule, early=name in EARLY, lateness=LATENESS) > 10
    for message in run.results[name]:
        result = json.loads(message.value or b"")
        assert result["goal"] == name
        assert (message.key or b"").decode() == "|".join(str(result[field]) for field in rule["groupBy"])


@pytest.mark.parametrize("goal", ["client-rate", "host-errors"])
def test_every_offender_is_detected(run: Run, goal: str) -> None:
    detected = {(message.key or b"").decode() for message in run.results[goal]}
    offenders = {offender["key"] for offender in run.truth if offender["goal"] == goal}
    assert len(offenders) > 5
    assert offenders <= detected
    assert goal != "client-rate" or set(ODD_CLIENTS) <= detected


def test_invalid_records_are_told_once_with_reason_and_place(run: Run) -> None:
    told = [json.loads(message.value or b"") for message in run.invalid]
    places = {(one["partition"], one["offset"]) for one in told}
    assert places == run.reference.invalid()
    assert len(places) > 100
    assert {message.key for message in run.invalid} == {
        f"goals.raw+{part}+{offset}".encode() for part, offset in places
    }
    values = {(message.partition, message.offset): message.value for message in run.raw}
    for one in told:
        assert one["reason"]
        assert one["topic"] == "goals.raw"
        assert "value_base64" in one or one["value"].encode() == (values[one["partition"], one["offset"]] or b"")


def test_backtest_gives_the_same(run: Run, tmp_path: Path) -> None:
    """A file a partition; and as a file has no Kafka timestamp, one that was written when the records were."""
    for partition in range(4):
        lines = [message.value or b"" for message in run.raw if message.partition == partition]
        (tmp_path / f"{partition}.log").write_bytes(b"".join(line + b"\n" for line in lines if b"\n" not in line))
    inputs = [str(tmp_path / f"{partition}.log") for partition in range(4)]
    command = [
        "backtest",
        "-f",
        str(run.folder / "pipeline.yaml"),
        "--output",
        str(tmp_path / "results"),
        "--input",
        *inputs,
    ]
    done = subprocess.run([sys.executable, "-m", "logpipeline", *command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for name, rule in GOALS.items():
        lines = (tmp_path / "results" / f"{name}.jsonl").read_bytes().splitlines()
        expected = run.reference.windows(rule)
        results = found(iter(lines), rule)
        assert results.keys() == expected.keys()
        for window, (count, value) in expected.items():
            assert results[window] == (count, pytest.approx(value, abs=1e-9)), (name, window)
        if name not in EARLY:
            live = {message.value for message in run.results[name]}
            assert live <= set(lines)  # to the byte
    invalid = (tmp_path / "results" / "_invalid.jsonl").read_text().splitlines()
    empty = sum(1 for message in run.raw if not message.value)
    assert len(invalid) + empty == len(run.reference.invalid())


def test_a_backtest_of_the_topic_gives_the_same(run: Run, kafka: Broker, tmp_path: Path) -> None:
    command = ["backtest", "-f", str(run.folder / "pipeline.yaml"), "--output", str(tmp_path), "--topic"]
    command += ["--bootstrap-servers", kafka.bootstrap_servers]
    done = subprocess.run([sys.executable, "-m", "logpipeline", *command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for name, rule in GOALS.items():
        results = found(iter((tmp_path / f"{name}.jsonl").read_bytes().splitlines()), rule)
        assert results.keys() == run.reference.windows(rule).keys()
    # Of the topic the empty records are there, too.
    assert len((tmp_path / "_invalid.jsonl").read_text().splitlines()) == len(run.reference.invalid())


def test_a_changed_rule_is_refused_and_leaves_the_others_running(run: Run, kafka: Broker) -> None:
    changed = resource("goals")
    changed["spec"]["goals"][0]["window"] = {"size": "40s", "slide": "1s"}
    (run.folder / "pipeline.yaml").write_text(yaml.safe_dump(changed))
    with GoalProcess(run.folder, kafka) as process:
        # Everything was read before: a record more, so that the others have something to report.
        generate(kafka, "goals.raw", {"--count": 100, "--start": START + 3600})
        progress = process.wait_until(lambda goals: sum(goal["state"] == "running" for goal in goals) == len(GOALS) - 1)
        assert progress["client-rate"]["state"] == "failed"
        error = progress["client-rate"]["error"]
        assert "window.size from 20 to 40" in error
        assert "give the goal a new name" in error
        assert 'logpipeline_goal_up{goal="client-rate",pipeline="goals"} 0.0' in process.metrics()
        assert 'logpipeline_goal_up{goal="host-errors",pipeline="goals"} 1.0' in process.metrics()
