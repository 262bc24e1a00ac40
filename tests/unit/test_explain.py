"""`explain`: which detection is meant, and how it is shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from logpipeline.errors import LogPipelineError
from logpipeline.status.cli import explain
from logpipeline.status.explain import bars, chosen, draw
from logpipeline.terminal import Terminal

RATE = {
    "name": "client-rate",
    "limit": "10",
    "fields": ["client_ip"],
    "meaning": "count by client_ip in 20 s every 1 s",
    "early": True,
}
LATENCY = {**RATE, "name": "host-latency", "limit": None}
PAIRS = {**RATE, "name": "pairs", "fields": ["host", "client_ip"]}


def an_episode(goal: str, *key: str, first: int = 100) -> dict[str, Any]:
    return {
        "goal": goal,
        "key": list(key),
        "first": first,
        "last": first + 30,
        "windows": 11,
        "peak": 11.0,
        "open": False,
    }


SNAPSHOT = {
    "about": {"goals": [RATE, LATENCY, PAIRS]},
    "detections": {
        "episodes": [
            an_episode("pairs", "web", "10.0.0.1", first=500),
            an_episode("client-rate", "10.0.0.1"),
            an_episode("client-rate", "10.0.0.2"),
        ]
    },
}
ANY = {"goal": None, "key": None, "at": None}


@pytest.mark.parametrize(
    ("wanted", "key", "first"),
    [
        ({}, ["web", "10.0.0.1"], 500),
        ({"goal": "client-rate"}, ["10.0.0.1"], 100),
        ({"key": "10.0.0.2"}, ["10.0.0.2"], 100),
        ({"key": "web|10.0.0.1"}, ["web", "10.0.0.1"], 500),
        ({"key": "10.0.0.1", "at": 130.0}, ["10.0.0.1"], 100),
    ],
)
def test_the_newest_detection_that_fits(wanted: dict[str, Any], key: list[str], first: int) -> None:
    episode = chosen(SNAPSHOT, ANY | wanted)
    assert (episode["key"], episode["first"]) == (key, first)


@pytest.mark.parametrize(
    ("wanted", "fault"),
    [
        (
            {"goal": "host-latency"},
            "--goal: none that detects is called 'host-latency'; there is client-rate, pairs",
        ),
        ({"at": 99.0}, "none of the 3 newest detections is like that"),
        ({"key": "10.0.0"}, "none of the 3 newest detections is like that"),
    ],
)
def test_where_none_fits_it_says_so(wanted: dict[str, Any], fault: str) -> None:
    with pytest.raises(LogPipelineError, match=fault):
        chosen(SNAPSHOT, ANY | wanted)


def test_a_detection_is_a_heading_a_picture_and_its_records(capsys: pytest.CaptureFixture[str]) -> None:
    record = {"@timestamp": "1659509511.25", "client_ip": "10.0.0.1", "note": "[red]is text"}
    answer = {
        "total": 1200,
        "records": [{"id": "raw+0+7", "record": record}],
        "begin": 90,
        "step": 1,
        "counts": [0, 2, 4],
    }
    draw({**an_episode("client-rate", "10.0.0.1"), "rule": RATE}, answer, Terminal(width=240))
    heading, meaning, picture, count, _, head, row = capsys.readouterr().out.splitlines()
    assert heading == "client-rate  client_ip 10.0.0.1  over"
    assert "more than 10: 11 windows from 1970-01-01 00:01:40 to 00:02:10 UTC, at least 11" in meaning
    assert picture.startswith(" ▄█  1 s a bar")
    assert count == "1,200 records, the first 1:"
    assert head.split() == ["time", "(UTC)", "client_ip", "note", "topic+partition+offset"]
    assert row.split() == ["2022-08-03", "06:51:51.250", "10.0.0.1", "[red]is", "text", "raw+0+7"]


@pytest.mark.parametrize(("counts", "line"), [([], ""), ([0, 0], "  "), ([1, 800], "▁█"), ([5, 5], "██")])
def test_bars_show_each_record(counts: list[int], line: str) -> None:
    assert bars(counts) == line


def test_without_a_console_on_the_cluster_it_says_what_to_add(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "kubectl"
    program.write_text("#!/bin/sh\nexit 0\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(explain, ["nginx", "-n", "logs"])
    assert (result.exit_code, result.output) == (
        2,
        "error: nginx has no console on the cluster: add `console: {}` to the spec of the resource\n",
    )
