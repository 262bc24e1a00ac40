"""Offenders pass the goals' thresholds and ordinary traffic does not, by a count of the tests' own."""

from __future__ import annotations

import json
from collections import defaultdict, deque
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from logpipeline_generator.cli import generate

START = 1_659_509_511.0


def run(folder: Path, *options: str) -> tuple[list[dict[str, str]], list[dict[str, Any]]]:
    """The stream and its ground truth."""
    output, truth = folder / "access.json", folder / "truth.jsonl"
    arguments = ["--output", str(output), "--ground-truth", str(truth), "--start", str(START), *options]
    result = CliRunner().invoke(generate, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return lines_of(output), lines_of(truth)


def lines_of(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def over_threshold(records: list[dict[str, str]]) -> dict[str, set[str]]:
    """Keys that pass each goal's threshold in some stretch as long as its window, cut anywhere."""
    found: dict[str, set[str]] = {"client-rate": set(), "host-errors": set()}
    recent: dict[tuple[str, str], deque[float]] = defaultdict(deque)
    for record in sorted(records, key=lambda record: float(record["@timestamp"])):
        time = float(record["@timestamp"])
        events = [("client-rate", record["client_ip"], 20, 10)]
        if 400 <= int(record["status"]) <= 499:
            events.append(("host-errors", record["host"], 30, 15))
        for goal, key, seconds, threshold in events:
            times = recent[goal, key]
            times.append(time)
            while times[0] <= time - seconds:
                times.popleft()
            if len(times) > threshold:
                found[goal].add(key)
    return found


@pytest.mark.parametrize(
    "options",
    [
        ("--for", "10m"),
        ("--for", "2m", "--rate", "2000", "--seed", "7"),
        ("--for", "5m", "--pattern", "bursty"),
        ("--for", "2m", "--rate", "5", "--offenders-every", "5"),
    ],
)
def test_just_the_offenders_of_the_ground_truth_pass(tmp_path: Path, options: tuple[str, ...]) -> None:
    records, truth = run(tmp_path, *options)
    assert truth
    listed = {goal: {line["key"] for line in truth if line["goal"] == goal} for goal in ("client-rate", "host-errors")}
    assert over_threshold(records) == listed


def test_ground_truth_counts_what_is_in_the_stream(tmp_path: Path) -> None:
    records, truth = run(tmp_path, "--for", "3m", "--offenders-every", "10")
    whole = [line["requests"] for line in truth if line["start"] < START + 165]
    assert sorted(whole) == [30] * 17 + [40] * 17, "whole, wherever the blocks of the stream were cut"
    for line in truth:
        field = "client_ip" if line["goal"] == "client-rate" else "host"
        times = [float(record["@timestamp"]) for record in records if record[field] == line["key"]]
        assert (min(times), max(times), len(times)) == (line["start"], line["end"], line["requests"])


def test_the_first_offenders_are_over_the_threshold_within_five_seconds(tmp_path: Path) -> None:
    for seed in range(1, 9):
        records, _ = run(tmp_path, "--for", "5s", "--seed", str(seed))
        assert over_threshold(records)["client-rate"] == {"203.0.113.1"}


def test_an_offence_that_the_end_cuts_short_is_listed_only_if_it_passes(tmp_path: Path) -> None:
    _, few = run(tmp_path, "--for", "2500ms")
    records, enough = run(tmp_path, "--for", "6s")
    assert few == []
    assert {line["goal"] for line in enough} == {"client-rate", "host-errors"}
    in_stream = sum(record["client_ip"] == "203.0.113.1" for record in records)
    assert [line["requests"] for line in enough if line["goal"] == "client-rate"] == [in_stream]
    assert 10 < in_stream < 30


def test_no_offenders_when_none_are_asked_for(tmp_path: Path) -> None:
    records, truth = run(tmp_path, "--for", "1m", "--offenders-every", "0")
    assert truth == []
    assert len(records) == 200 * 60
