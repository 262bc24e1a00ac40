"""The numbers of a small log, exactly, and what the command does with its input and its output."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from logpipeline.cli import main

RESOURCE = """
apiVersion: logpipeline.dev/v1alpha1
kind: LogPipeline
metadata: {name: shop}
spec:
  kafka: {managed: {}}
  lake: {}
  goals: [{name: rate, preset: client-rate}]
"""
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36"
)
GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
# Wednesday, 2024-05-01, 23:59:58 UTC.
START = 1_714_607_998


def record(second: float, **fields: Any) -> str:
    return json.dumps({"@timestamp": START + second, **fields})


LOG = [
    record(0, client_ip="a", method="GET", path="/", protocol="HTTP/1.1", status=200, bytes=100, user_agent=CHROME),
    record(0.5, client_ip="a", method="GET", path="/logo.PNG?v=1", status=304, bytes=0, referrer="https://Ex.org/a?b"),
    record(1, client_ip="b", method="GET", path="/gone", host="h1", status=404, bytes=20, country="DE"),
    record(2, client_ip="b", method="POST", path="/api?x=1", host="h1", status=500, bytes=-1, request_time=0.25),
    record(3602, client_ip="c", method="GET", path="/api?x=2", host="h2", status=200, request_time=0.75),
    record(3603, client_ip="c", method="GET", path="/", status=200, bytes=300, user_agent=GOOGLEBOT),
    "no record",
    json.dumps({"client_ip": "d", "path": "/"}),
]


@pytest.fixture
def resource(tmp_path: Path) -> Path:
    path = tmp_path / "shop.yaml"
    path.write_text(RESOURCE)
    log = tmp_path / "access.log"
    log.write_text("\n".join(LOG))
    os.utime(log, (START + 4000, START + 4000))
    return path


def report(resource: Path, *options: str, log: str = "access.log") -> Result:
    command = ["report", "-f", str(resource), "--input", str(resource.parent / log), *options]
    return CliRunner().invoke(main, command)


def numbers(resource: Path, *options: str) -> dict[str, Any]:
    result = report(resource, "--format", "json", *options)
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def rows(panel: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in panel]


def test_the_numbers_of_a_small_log(resource: Path) -> None:
    found = numbers(resource)
    assert found["overview"] == {
        "records": 8, "valid": 6, "invalid": 2,
        "first": "2024-05-01 23:59:58", "last": "2024-05-02 01:00:01",
        "clients": 3, "bytes": 420, "client_errors": 1 / 6, "server_errors": 1 / 6,
        "peak": 2, "peak_at": "2024-05-01 23:59:58",
    }  # fmt: skip
    assert rows(found["traffic"]) == [
        ("2024-05-01 23:00", 3, 0, 0, 1, 1, 1, 0),
        ("2024-05-02 00:00", 1, 0, 0, 0, 0, 0, 1),
        ("2024-05-02 01:00", 4, 2, 0, 2, 0, 0, 0),
    ]
    assert rows(found["visitors"]) == [("2024-05-01", 3, 2, 2), ("2024-05-02", 3, 2, 1)]
    assert [row["requests"] for row in found["hours"]] == [1, 2, *[0] * 21, 3]
    assert [(row["weekday"], row["23"], row["00"]) for row in found["week"]][2:4] == [("Wed", 3, 0), ("Thu", 0, 1)]
    assert rows(found["paths"])[0] == ("/", 2, 400, 2 / 6)
    assert rows(found["static"]) == [("/logo.PNG?v=1", 1, 0, 1.0)]
    assert rows(found["not_found"]) == [("/gone", "h1", 1, 1.0)]
    assert rows(found["types"]) == [("", "page", 5, 420, 5 / 6), ("png", "image", 1, 0, 1 / 6)]
    assert rows(found["hosts"]) == [("h1", 2, 20, 1, 1, 2 / 3), ("h2", 1, 0, 0, 0, 1 / 3)]
    assert rows(found["statuses"]) == [
        ("200", 3, 400, 3 / 8), ("999", 2, 0, 2 / 8), ("304", 1, 0, 1 / 8), ("404", 1, 20, 1 / 8), ("500", 1, 0, 1 / 8),
    ]  # fmt: skip
    assert [row["requests"] for row in found["classes"]] == [0, 3, 1, 1, 1]
    assert [row[:3] for row in rows(found["methods"])] == [("GET", "", 4), ("GET", "HTTP/1.1", 1), ("POST", "", 1)]
    assert rows(found["clients"]) == [("a", 2, 100, 0, 2 / 6), ("b", 2, 20, 2, 2 / 6), ("c", 2, 300, 0, 2 / 6)]
    assert rows(found["countries"]) == [("DE", 1, 20, 1.0)]
    assert [row[:2] for row in rows(found["browsers"])] == [("Chrome", 1)]
    assert [row[:2] for row in rows(found["systems"])] == [("Windows", 1)]
    assert [row[:2] for row in rows(found["bots"])] == [("Googlebot", 1)]
    assert [row[:2] for row in rows(found["sites"])] == [("ex.org", 1)]
    assert sum(row["requests"] for row in found["durations"]) == 2
    missing = dict(row[:2] for row in rows(found["missing"]))
    assert missing == {"server": 6, "protocol": 5, "request_time": 4, "host": 3, "country": 5, "referrer": 5,
                       "user_agent": 4, "bytes": 1}  # fmt: skip
    assert sorted(row[1] for row in rows(found["invalid"])) == [1, 1]
    sizes, times = found["numbers"]
    assert (sizes["count"], sizes["unusable"], sizes["min"], sizes["max"], sizes["mean"]) == (4, 1, 0, 300, 105)
    assert sizes["deviation"] == pytest.approx(118.638, abs=1e-3)
    assert (times["count"], times["min"], times["max"], times["mean"]) == (2, 0.25, 0.75, 0.5)
    assert times["deviation"] == pytest.approx(0.25)


def test_what_is_not_among_the_heaviest_is_together(resource: Path) -> None:
    found = numbers(resource, "--top", "1")
    assert rows(found["paths"]) == [("/", 2, 400, 2 / 6), (None, 4, 20, 4 / 6)]


def test_a_slow_endpoint_is_found_by_its_95th_percentile(resource: Path) -> None:
    lines = [record(n, path=f"/slow?{n}", request_time=2 if n % 10 == 0 else 0.01) for n in range(100)]
    lines += [record(n, path="/fast", request_time=0.02) for n in range(100)]
    (resource.parent / "access.log").write_text("\n".join(lines))
    slow, fast = numbers(resource)["slowest"]
    assert (slow["endpoint"], slow["timed"], slow["max"]) == ("/slow", 100, 2)
    assert slow["mean"] == pytest.approx(0.209)
    assert [slow[name] for name in ("p50", "p95", "p99")] == pytest.approx([0.01, 2, 2], rel=0.01)
    assert fast["p99"] == pytest.approx(0.02, rel=0.01)


def test_the_same_log_gives_the_same_page(resource: Path) -> None:
    pages = []
    for name in ("a.html", "b.html"):
        output = resource.parent / name
        result = report(resource, "--output", str(output))
        assert result.exit_code == 0, result.output
        assert "records   8, of which 2 are invalid" in result.stdout
        pages.append(output.read_bytes())
    assert pages[0] == pages[1]
    assert {path.name for path in resource.parent.iterdir()} == {"shop.yaml", "access.log", "a.html", "b.html"}


def test_a_log_of_which_nothing_is_valid_has_a_page(resource: Path) -> None:
    (resource.parent / "access.log").write_text("none\n" * 5)
    result = report(resource, "--output", str(resource.parent / "a.html"))
    assert result.exit_code == 0, result.output
    assert "records   5, of which 5 are invalid" in result.stdout


def test_a_page_that_cannot_be_written_is_said_before_the_log_is_read(
    resource: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("logpipeline.report.cli.of_logs", lambda *_: pytest.fail("the log was read"))
    for name, fault in (("none/a.html", "No such file or directory"), ("", "is no file")):
        output = resource.parent / name
        result = report(resource, "--output", str(output))
        assert result.exit_code == 2
        assert f"--output: {output}: " in result.output
        assert fault in result.output


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        (("--format", "json", "-o", "a.html"), "--output: is where the page goes"),
        (("--lake", "2024-05-01", "2024-05-02"), "give one of --input LOG…, --lake FROM TO and --topic"),
        (("--top", "0"), "--top"),
    ],
)
def test_options_that_do_not_go_together(resource: Path, options: tuple[str, ...], fault: str) -> None:
    result = report(resource, *options)
    assert result.exit_code == 2
    assert fault in result.output


def test_a_log_without_a_record_has_no_report(resource: Path) -> None:
    (resource.parent / "access.log").write_text("\n\n")
    result = report(resource, "--output", str(resource.parent / "a.html"))
    assert result.exit_code == 2
    assert "no record to report" in result.output
    assert not (resource.parent / "a.html").exists()
