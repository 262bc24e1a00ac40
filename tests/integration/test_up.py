"""`up` with real Kafka, Connect, Elasticsearch and Spark: what flows, what survives, and what is left afterwards."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from local_run import COMMAND, Run
from logpipeline.local.leftovers import marked
from logpipeline.local.ports import answers
from processes import DISTRIBUTION, Broker, Elasticsearch

SAMPLE = Path(__file__).parents[2] / "manifests" / "samples" / "nginx.yaml"
LOG = Path(__file__).parents[1] / "data" / "apache_combined_10k.log.gz"
COMPONENTS = ["kafka", "goals", "generator", "console", "elasticsearch", "connect", "connector"]


def up_and_end(path: Path, state: Path, **environment: str) -> tuple[int, str]:
    """The exit code and what stands on standard error."""
    command = [*COMMAND, "-f", str(path), "--state", str(state)]
    run = subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False, env={**os.environ, **environment}
    )
    return run.returncode, run.stderr


def refused(summary: dict[str, int]) -> int:
    """How many records are dead letters; a worker that was killed may have refused some of them twice."""
    return summary.get("of so many records", summary["dead letters"])


def listening(state: Path) -> list[int]:
    """Those of the run's ports that somebody listens on."""
    return [port for port in json.loads((state / "ports.json").read_text()).values() if answers("127.0.0.1", port)]


def consumed(topic: str, state: Path, *options: str) -> str:
    """What `consume` prints of the Kafka of the run on `state`."""
    command = [sys.executable, "-m", "logpipeline", "consume", topic, "--state", str(state), *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


def resource(folder: Path, sample: Path = SAMPLE, **changes: Any) -> Path:
    """A sample with top-level fields of its spec replaced; None removes one."""
    document = yaml.safe_load(sample.read_text())
    document["spec"] = {key: value for key, value in (document["spec"] | changes).items() if value is not None}
    path = folder / "pipeline.yaml"
    path.write_text(yaml.safe_dump(document))
    return path


def test_it_flows_survives_a_kill_ends_cleanly_and_goes_on_where_it_stopped(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with Run(SAMPLE, state, "--for", "20s") as first:
        first.wait_until(lambda: first.status().get("phase") == "running")
        # While it runs: a second one is refused, `consume` finds it, and what is killed comes back.
        code, error = up_and_end(SAMPLE, state)
        assert code == 2
        assert error.startswith(
            f"error: another `logpipeline up` (pid {first.process.pid}) runs on the state folder {state}; "
        )
        # What a JVM writes on the side is in the state folder, too.
        assert list((state / "tmp").glob("blockmgr-*"))
        assert not [process for process in marked(state) if list(Path("/tmp").glob(f"hsperfdata_*/{process.pid}"))]
        assert consumed("test-inter", state, "--from-beginning", "--limit", "5").count("\n") == 5
        os.kill(first.component("connect")["pid"], signal.SIGKILL)
        first.wait_until(lambda: first.component("connect")["restarts"] == 1)
        assert first.wait() == 0, first.output

    numbers = first.summary()
    assert numbers["records produced"] == numbers["in this run"] > 1000
    assert numbers["indexed"] + refused(numbers) == numbers["records produced"]
    assert numbers["results of client-rate"] > 0
    assert numbers["restarts"] == 1
    assert "everything that was produced went through every part" in first.output
    assert "connect running" in first.output
    assert "\x1b" not in first.output
    status = first.status()
    assert status["phase"] == "stopped"
    assert [part["name"] for part in status["components"]] == COMPONENTS
    assert status["memory_bytes"] < 6 * 2**30
    assert (marked(state), listening(state)) == ([], [])

    with Run(SAMPLE, state, "--for", "5s") as second:
        assert second.wait() == 0, second.output
    again = second.summary()
    assert again["in this run"] > 0
    assert again["records produced"] == numbers["records produced"] + again["in this run"]
    assert again["indexed"] + refused(again) == again["records produced"]
    # Nothing was read twice: each goal has seen this run's records and no others.
    assert {goal["records_total"] for goal in second.status()["goals"]} == {again["in this run"]}
    assert second.status()["kafka"] == status["kafka"]
    assert marked(state) == []


def test_everything_goes_when_up_is_killed(tmp_path: Path) -> None:
    with Run(resource(tmp_path, sink=None), tmp_path / "state") as run:
        run.wait_until(
            lambda: bool(run.status().get("components")) and run.component("generator")["state"] == "running"
        )
        processes = marked(run.state)
        assert len(processes) > 4  # supervisord, Kafka, the generator, the goals and Spark's JVM
        run.process.kill()
        _, alive = psutil.wait_procs(processes, timeout=60)
        assert alive == []
        assert (marked(run.state), listening(run.state)) == ([], [])


def test_ctrl_c_is_the_normal_end(tmp_path: Path) -> None:
    with Run(resource(tmp_path, sink=None), tmp_path / "state") as run:
        run.wait_until(lambda: run.status().get("phase") == "running")
        run.process.send_signal(signal.SIGINT)
        assert run.wait() == 0, run.output
        assert "records produced" in run.summary()
        assert (marked(run.state), listening(run.state)) == ([], [])


def test_a_fixed_port_that_another_program_has_is_one_clear_error(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        code, error = up_and_end(resource(tmp_path, kafka={"managed": {"port": port}}), tmp_path / "state")
    assert code == 2
    name = psutil.Process().name()
    assert error == (
        f"error: spec.kafka.managed.port: port {port} is taken by {name} (pid {os.getpid()}); "
        "free it, name another, or leave the field out and a free one is found\n"
    )


@pytest.mark.parametrize(
    ("environment", "error"),
    [
        (
            {"JAVA_HOME": "/nowhere"},
            "error: Java is not installed: no `java` at /nowhere/bin/java (JAVA_HOME=/nowhere); "
            "install Java 17 or newer, or point JAVA_HOME at one\n",
        ),
        (
            {"LOGPIPELINE_DIST": "/nowhere"},
            "".join(
                f"error: {part} is not installed in /nowhere; run `make setup`\n"
                for part in (
                    "Spark's Kafka connector",
                    "Kafka",
                    "Kafka Connect",
                    "the Elasticsearch sink connector",
                    "Elasticsearch",
                )
            ),
        ),
    ],
)
def test_what_is_missing_is_named_before_anything_starts(
    tmp_path: Path, environment: dict[str, str], error: str
) -> None:
    assert up_and_end(SAMPLE, tmp_path / "state", **environment) == (2, error)
    assert not (tmp_path / "state").exists()


def test_a_kafka_that_cannot_be_reached_is_an_error_that_says_how_long_it_was_tried(tmp_path: Path) -> None:
    outside = resource(tmp_path, kafka={"external": {"bootstrapServers": "127.0.0.1:1"}}, sink=None)
    code, error = up_and_end(outside, tmp_path / "state")
    assert code == 2
    assert error.startswith(
        "error: spec.kafka.external.bootstrapServers: kafka at 127.0.0.1:1 cannot be reached: tried for 30 s ("
    )
    assert len(error.splitlines()) == 1


def test_a_component_that_does_not_start_is_shown_with_the_end_of_its_log(tmp_path: Path) -> None:
    broken = tmp_path / "distribution"
    (broken / "kafka" / "bin").mkdir(parents=True)
    (broken / "spark-jars").symlink_to(DISTRIBUTION / "spark-jars")
    broker = broken / "kafka" / "bin" / "kafka-broker"
    broker.write_text("#!/bin/sh\necho the disk is on fire\nexit 3\n")
    broker.chmod(0o755)
    state = tmp_path / "state"
    code, error = up_and_end(resource(tmp_path, sink=None), state, LOGPIPELINE_DIST=str(broken))
    assert code == 1
    assert error == (
        f"error: kafka: it ended 3 times before it was ready; the end of its log {state}/logs/kafka.log:\n"
        + "  the disk is on fire\n" * 3
    )


def test_external_services_and_a_text_log_in_dated_indices(
    kafka: Broker, elasticsearch: Elasticsearch, tmp_path: Path
) -> None:
    """The sample for access logs against a Kafka and an Elasticsearch that are there already."""
    services = {
        "kafka": {"external": {"bootstrapServers": kafka.bootstrap_servers}},
        "sink": {"elasticsearch": {"external": {"url": elasticsearch.url}, "index": "web", "retention": "7d"}},
    }
    path = resource(tmp_path, SAMPLE.with_name("combined-log.yaml"), **services)
    with Run(path, tmp_path / "state", "--for", "10s") as run:
        run.wait_until(lambda: run.status().get("phase") == "running")
        produce = ["produce", "--bootstrap-servers", kafka.bootstrap_servers, "--topic", "web.raw", "--file", str(LOG)]
        subprocess.run([sys.executable, "-m", "logpipeline", *produce], check=True, capture_output=True)
        assert run.wait() == 0, run.output
    numbers = run.summary()
    assert (numbers["records produced"], numbers["indexed"], numbers["dead letters"]) == (10_000, 9_999, 1)
    assert numbers["results of client-rate"] > 1000
    client = elasticsearch.client()
    (index,) = client.indices.get_alias(name="web")
    assert index.startswith("web-20")
    assert client.count(index="web")["count"] == 9_999
    # Not every client names itself.
    named = {"exists": {"field": "user_agent"}}
    errors = {"bool": {"filter": [{"term": {"status": 404}}, {"range": {"@timestamp": {"gte": "2015-05-18"}}}, named]}}
    found = client.search(index="web", query=errors, size=1)
    assert found["hits"]["total"]["value"] > 50
    assert {"client_ip", "path", "protocol", "user_agent"} <= found["hits"]["hits"][0]["_source"].keys()
