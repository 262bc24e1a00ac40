"""`logpipeline status`: a resource and a local run in the same words."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from logpipeline.status.cli import draw, plugin, status
from logpipeline.status.view import GoalLine, Line, age, of_resource, of_run
from logpipeline.terminal import Terminal

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
GOAL = {"name": "client-rate", "state": "running", "lag": 0, "recordsPerSecond": 200.4, "batch": 7}


def a_resource(generation: int = 3, **conditions: tuple[str, str]) -> dict[str, Any]:
    found = [
        {
            "type": kind,
            "status": value,
            "reason": reason,
            "message": f"words of {kind}",
            "lastTransitionTime": "2026-03-01T11:00:00Z",
            "observedGeneration": generation,
        }
        for kind, (value, reason) in conditions.items()
    ]
    return {
        "metadata": {
            "name": "nginx",
            "namespace": "logs",
            "generation": 3,
            "creationTimestamp": "2026-02-27T08:00:00Z",
        },
        "status": {
            "observedGeneration": generation,
            "conditions": found,
            "goals": [{**GOAL, "lastBatchTime": "2026-03-01T11:59:58Z", "restarts": 1}],
            "records": 13_433,
            "rate": "200/s",
            "sink": {"indexed": 13_400, "deadLetters": 4, "tasks": "2/2"},
        },
    }


WELL = {"Ready": ("True", "Ready"), "Progressing": ("False", "Complete"), "FlowHealthy": ("True", "Healthy")}


def test_a_resource_that_is_well() -> None:
    view = of_resource(a_resource(**WELL), NOW)
    assert view.heading == "logs/nginx  generation 3  age 2d4h"
    assert view.lines == [
        Line("Ready", "True", True, "Ready: words of Ready"),
        Line("Progressing", "False", None, "Complete: words of Progressing"),
        Line("FlowHealthy", "True", True, "Healthy: words of FlowHealthy"),
    ]
    assert view.goals == [GoalLine("client-rate", "running", 200.4, 0, 7, "2s", 1, None)]
    assert view.totals == {
        "records": 13_433, "rate": "200/s", "indexed": 13_400, "dead letters": 4, "connector tasks": "2/2"
    }  # fmt: skip
    assert view.healthy


@pytest.mark.parametrize(
    ("conditions", "healthy"),
    [
        ({**WELL, "Ready": ("False", "CrashLoop")}, False),
        ({**WELL, "FlowHealthy": ("False", "NoRecords")}, False),
        ({**WELL, "FlowHealthy": ("Unknown", "NoRecords")}, True),
        ({}, False),
    ],
)
def test_healthy_is_ready_and_flowing(conditions: dict[str, tuple[str, str]], healthy: bool) -> None:
    assert of_resource(a_resource(**conditions), NOW).healthy is healthy


def test_a_status_of_an_older_generation_says_so() -> None:
    first = of_resource(a_resource(generation=2, **WELL), NOW).lines[0]
    assert (first.name, first.detail) == ("Observed", "the operator has seen generation 2, not 3")


def test_a_resource_that_nobody_has_seen() -> None:
    document = a_resource()
    del document["status"]
    assert of_resource(document, NOW).lines == [Line("Ready", "Unknown", None, "the operator has not seen it yet")]


RUN = {
    "pipeline": "nginx",
    "phase": "running",
    "elapsed_seconds": 72.4,
    "components": [
        {"name": "kafka", "state": "running", "lacking": None, "address": "127.0.0.1:9092"},
        {"name": "connect", "state": "starting", "lacking": "the worker does not answer yet", "address": None},
    ],
    "goals": [{"goal": "client-rate", "state": "running", "offset_total": 900, "batch": 5, "batch_age_seconds": 1.6}],
    "totals": {"kept": 1000, "produced": 1000, "invalid": 2, "dead_letters": None, "results": {}, "indexed": None},
}


def test_a_run_on_this_machine() -> None:
    view = of_run(RUN, running=True)
    assert view.heading == "nginx  running  1m12s"
    assert view.lines == [
        Line("kafka", "running", True, "127.0.0.1:9092"),
        Line("connect", "starting", False, "the worker does not answer yet"),
    ]
    assert view.goals == [GoalLine("client-rate", "running", None, 100, 5, "2s", None, None)]
    assert view.totals == {"records": 1000, "invalid": 2}
    assert not view.healthy


def test_a_run_that_has_ended_is_not_shown_as_running() -> None:
    view = of_run(RUN, running=False)
    assert view.heading == "nginx  not running  1m12s"
    assert {line.state for line in view.lines} == {"stopped"}
    assert not view.goals
    assert not view.healthy


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (59, "59s"), (125, "2m5s"), (3_725, "1h2m"), (90_061, "1d1h"), (-5, "0s")],
)
def test_ages_have_two_units(seconds: int, text: str) -> None:
    assert age(NOW - timedelta(seconds=seconds), NOW) == text


def test_a_long_message_is_not_cut_off_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    document = a_resource(**WELL)
    document["status"]["conditions"][0]["message"] = "word " * 60
    console = Terminal(width=240)
    draw(of_resource(document, NOW), console)
    assert capsys.readouterr().out.count("word") == 62


def kubectl_that(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    program = folder / "kubectl"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    monkeypatch.chdir(folder)


def test_the_cluster_is_asked_with_kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "answer").write_text(json.dumps(a_resource(**WELL)))
    kubectl_that(tmp_path, monkeypatch, f'echo "$@" >{tmp_path}/asked; cat {tmp_path}/answer')
    result = CliRunner().invoke(status, ["nginx", "-n", "logs"])
    assert result.exit_code == 0
    assert result.output.startswith("logs/nginx  generation 3")
    asked = (tmp_path / "asked").read_text()
    assert asked == "get logpipelines.logpipeline.dev nginx --output json --request-timeout 20s --namespace logs\n"
    result = CliRunner().invoke(plugin, ["status", "nginx", "-o", "json"])
    assert (result.exit_code, json.loads(result.output)["records"]) == (0, 13_433)


_KLOG = 'E1129 20:57:09.8 4039 memcache.go:265] "Unhandled Error" err="no list"'


def test_without_a_run_and_without_a_cluster_it_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = f"for n in 1 2 3; do echo {_KLOG!r} >&2; done; echo 'The connection to the server was refused' >&2; exit 1"
    kubectl_that(tmp_path, monkeypatch, script)
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(status, ["nope"])
    here = "no run of `logpipeline up` is called 'nope' here, and for the cluster"
    assert (result.exit_code, result.output) == (
        2,
        f"error: {here}: The connection to the server was refused\n",
    )


@pytest.mark.parametrize("name", ["", "-x", "../other", "a,b=c", "[red]"])
def test_what_can_be_no_name_is_refused(name: str) -> None:
    result = CliRunner().invoke(status, ["--", name])
    assert result.exit_code == 2
    assert "is no name of a resource" in result.stderr


def test_what_kubectl_refuses_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kubectl_that(tmp_path, monkeypatch, "echo 'Error from server (NotFound): no such thing' >&2; exit 1")
    result = CliRunner().invoke(status, ["nginx", "-n", "logs"])
    assert (result.exit_code, result.output) == (2, "error: Error from server (NotFound): no such thing\n")


def test_without_a_name_and_a_run_it_says_what_to_do(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "logpipeline", "status"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (
        2,
        "error: no `logpipeline up` runs here; name a resource on the cluster\n",
    )


def test_reports_stand_under_the_totals() -> None:
    resource = a_resource(Ready=("True", "Ready"))
    resource["status"]["reports"] = [
        {"name": "daily", "state": "failed", "lastWrittenTime": "2026-02-28T00:11:00Z"},
        {"name": "weekly", "state": "waiting"},
    ]
    totals = of_resource(resource, NOW).totals
    assert totals["report daily"] == "failed, last page 1d11h ago"
    assert totals["report weekly"] == "waiting, no page yet"
