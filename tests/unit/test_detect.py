"""Which source reads a log, by its first lines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from logpipeline.api.source import Source
from logpipeline.cli import main

COMBINED = '192.0.2.1 - - [01/May/2024:12:00:00 +0000] "GET / HTTP/1.1" 200 12 "-" "curl/8"'
CADDY = {
    "level": "info", "ts": 1714564800.25, "msg": "handled request", "status": 200, "size": 12, "duration": 0.002,
    "request": {"remote_ip": "192.0.2.1", "proto": "HTTP/2.0", "method": "GET", "host": "example.org", "uri": "/"},
}  # fmt: skip
TRAEFIK = {
    "ClientHost": "192.0.2.1", "DownstreamContentSize": 12, "DownstreamStatus": 200, "RequestHost": "example.org",
    "RequestMethod": "GET", "RequestPath": "/", "RequestProtocol": "HTTP/1.1", "StartUTC": "2024-05-01T12:00:00.5Z",
    "time": "2024-05-01T12:00:00Z",
}  # fmt: skip
ECS = {
    "@timestamp": "2024-05-01T12:00:00.000Z", "source": {"ip": "192.0.2.1"}, "url": {"path": "/", "domain": "example.org"},
    "http": {"request": {"method": "GET"}, "response": {"status_code": 200, "body": {"bytes": 12}}},
}  # fmt: skip
NGINX = {
    "time_local": "01/May/2024:12:00:00 +0000",
    "remote_addr": "192.0.2.1",
    "request": "GET / HTTP/1.1",
    "status": "200",
}
LOGS: dict[str, tuple[str, dict[str, Any]]] = {
    "combined": (COMBINED, {"format": "combined"}),
    "common": (COMBINED.removesuffix(' "-" "curl/8"'), {"format": "common"}),
    "EDGAR": ('192.0.2.1 - - [2004-05-18 05:58:48] "GET /Archives/edgar/ HTTP/1.0" 500 14101', {"format": "common"}),
    "plain JSON": (json.dumps({"@timestamp": 1714564800.5, "client_ip": "a"}), {"format": "json"}),
    "Caddy": (
        json.dumps(CADDY),
        {
            "format": "json",
            "fields": {
                "client_ip": "request.remote_ip", "method": "request.method", "path": "request.uri",
                "protocol": "request.proto", "bytes": "size", "request_time": "duration", "host": "request.host",
            },
            "timestamp": {"field": "ts"},
        },
    ),
    "Traefik": (
        json.dumps(TRAEFIK),
        {
            "format": "json",
            "fields": {
                "client_ip": "ClientHost", "method": "RequestMethod", "path": "RequestPath",
                "protocol": "RequestProtocol", "status": "DownstreamStatus", "bytes": "DownstreamContentSize",
                "host": "RequestHost",
            },
            "timestamp": {"field": "time", "format": "iso8601"},
        },
    ),
    "ECS": (
        json.dumps(ECS),
        {
            "format": "json",
            "fields": {
                "client_ip": "source.ip", "method": "http.request.method", "path": "url.path",
                "status": "http.response.status_code", "bytes": "http.response.body.bytes", "host": "url.domain",
            },
            "timestamp": {"format": "iso8601"},
        },
    ),
    "NGINX as JSON": (
        json.dumps(NGINX),
        {
            "format": "json", "fields": {"client_ip": "remote_addr", "request": "request"},
            "timestamp": {"field": "time_local", "format": "clf"},
        },
    ),
}  # fmt: skip


def detect(path: Path, *options: str) -> Result:
    return CliRunner().invoke(main, ["detect", str(path), *options])


@pytest.mark.parametrize("name", LOGS)
def test_a_log_gets_the_source_that_reads_it(tmp_path: Path, name: str) -> None:
    line, expected = LOGS[name]
    path = tmp_path / "log"
    path.write_text(f"{line}\n" * 9 + "torn\n")
    result = detect(path)
    assert result.exit_code == 0, result.output
    found = yaml.safe_load(result.output)["source"]
    assert found == expected
    Source.model_validate(found)
    assert result.output.startswith("# reads 90.0% of 10 lines\n")


def test_it_says_what_the_presets_lack(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text(COMBINED)
    assert detect(path).output.splitlines() == [
        "# reads 100.0% of 1 lines",
        "# columns: client_ip, method, path, protocol, status, bytes, referrer, user_agent",
        "# the preset host-errors needs what is not there: host",
        "# the preset country-success needs what is not there: country",
        "# the preset host-latency needs what is not there: host, request_time",
        "source:",
        "  format: combined",
    ]


def test_what_no_format_fits_is_said(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("what is this\n" * 3)
    result = detect(path)
    assert result.exit_code == 1
    assert result.output.startswith("# no format fits: the best reads 0.0% of 3 lines\n")
    path.write_text("")
    result = detect(path)
    assert (result.exit_code, result.stderr) == (2, f"error: {path}: has no line\n")


def test_only_the_first_lines_count(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text(f"{COMBINED}\n" * 5 + "torn\n" * 1000)
    assert detect(path, "--lines", "5").output.startswith("# reads 100.0% of 5 lines\n")
