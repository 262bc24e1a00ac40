"""Real access logs, live and through backtest: the same results, every line parsed or accounted for."""

from __future__ import annotations

import gzip
import json
import random
import re
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from goal_process import GoalProcess
from messages import Message, read
from processes import Broker

APACHE = Path(__file__).parents[1] / "data" / "apache_combined_10k.log.gz"
LATENESS = 120
TIME = re.compile(rb"\[([^\]]+)\]")


def nasa(path: Path) -> None:
    """A log as NASA's of 1995: host names, `-` for bytes, requests without a protocol; in order but for a few seconds."""
    rng = random.Random(1)
    lines = []
    for index in range(9000):
        second = index // 10 - rng.choice([0, 0, 0, 3])
        time = (
            f"01/Aug/1995:{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02} -0400"
            if second >= 0
            else "31/Jul/1995:23:59:59 -0400"
        )
        host = rng.choice(
            [
                "in24.inetnebr.com",
                "uplherc.upl.com",
                "133.43.96.45",
                "piweba3y.prodigy.com",
                "ix-esc-ca2-07.ix.netcom.com",
            ]
        )
        request = rng.choice(
            ["GET / HTTP/1.0", "GET /images/ksclogo-medium.gif", "GET /cgi-bin/imagemap/countdown?99,176 HTTP/1.0", "-"]
        )
        status, size = rng.choice([("200", str(rng.randint(0, 9999))), ("304", "0"), ("404", "-")])
        lines.append(f'{host} - - [{time}] "{request}" {status} {size}')
    lines.insert(100, "this line is no record")
    path.write_text("\n".join(lines) + "\n")


def resource(name: str, layout: str) -> dict[str, Any]:
    return {
        "apiVersion": "logpipeline.dev/v1alpha1", "kind": "LogPipeline", "metadata": {"name": name},
        "spec": {
            "source": {"format": layout, "allowedLateness": f"{LATENESS}s"},
            "kafka": {"managed": {}},
            "goals": [
                {"name": "client-rate", "preset": "client-rate"},
                {"name": "errors", "where": [{"field": "status", "equals": 404}], "groupBy": ["client_ip"], "window": {"size": "1m", "slide": "10s"}},
                {"name": "traffic", "groupBy": ["status"], "window": {"size": "1m"}, "aggregate": {"sum": {"field": "bytes"}}},
                {"name": "protocols", "groupBy": ["method", "protocol"], "window": {"size": "1m"}},
            ],
        },
    }  # fmt: skip


def watermark(raw: list[Message]) -> float:
    newest: dict[int, float] = {}
    for message in raw:
        if found := TIME.search(message.value or b""):
            time = datetime.strptime(found[1].decode(), "%d/%b/%Y:%H:%M:%S %z").timestamp()
            newest[message.partition] = max(time, newest.get(message.partition, 0))
    return min(newest.values()) - LATENESS


@pytest.mark.parametrize(("name", "layout", "invalid"), [("apache", "combined", 1), ("nasa", "common", 1)])
def test_live_and_backtest_agree(kafka: Broker, tmp_path: Path, name: str, layout: str, invalid: int) -> None:
    log = APACHE if name == "apache" else tmp_path / "nasa.log"
    if name == "nasa":
        nasa(log)
    lines = len(gzip.decompress(log.read_bytes()).splitlines() if name == "apache" else log.read_bytes().splitlines())
    (tmp_path / "pipeline.yaml").write_text(yaml.safe_dump(resource(name, layout)))
    kafka.topic(f"{name}.raw", 4)
    goals = [goal["name"] for goal in resource(name, layout)["spec"]["goals"]]
    for suffix in ("invalid", *goals):
        kafka.topic(f"{name}.{suffix}", 1)

    def logpipeline(*arguments: object) -> str:
        command = [sys.executable, "-m", "logpipeline", *map(str, arguments)]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    logpipeline("produce", "--bootstrap-servers", kafka.bootstrap_servers, "--topic", f"{name}.raw", "--file", log)
    with GoalProcess(tmp_path, kafka) as process:
        progress = process.wait_until(lambda goals: all(goal["lag_records"] == 0 for goal in goals))
        assert process.stop() == 0
    table = logpipeline("backtest", "-f", tmp_path / "pipeline.yaml", "--input", log, "--output", tmp_path / "results")

    raw = read(kafka.bootstrap_servers, f"{name}.raw")
    assert len(raw) == lines
    closed_by = watermark(raw)
    for goal in goals:
        assert progress[goal]["records_total"] == lines
        assert (progress[goal]["invalid_total"], progress[goal]["late_total"]) == (invalid, 0)
        live = [json.loads(message.value or b"") for message in read(kafka.bootstrap_servers, f"{name}.{goal}")]
        final = [json.loads(line) for line in (tmp_path / "results" / f"{goal}.jsonl").read_text().splitlines()]
        assert len(final) > 10
        if goal == "client-rate":
            identity = ("client_ip", "window_start", "window_end")
            assert {tuple(one[field] for field in identity) for one in live} == {
                tuple(one[field] for field in identity) for one in final
            }
        else:
            closed = [one for one in final if datetime.fromisoformat(one["window_end"]).timestamp() <= closed_by]
            assert sorted(map(json.dumps, live)) == sorted(map(json.dumps, closed))
    assert len(read(kafka.bootstrap_servers, f"{name}.invalid")) == invalid
    assert f"invalid: {invalid} of {lines:,} records" in table
