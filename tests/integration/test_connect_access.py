"""A worker's REST interface asks for its credential, and its probe has it."""

from __future__ import annotations

import os
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from logpipeline.kafka.connect import authorization
from processes import DISTRIBUTION, ConnectWorker

# What tells of connectors, changes them, or shows the worker's logs and plugins.
REQUESTS = [
    ("GET", "/connectors"),
    ("PUT", "/connectors/x/config"),
    ("DELETE", "/connectors/x"),
    ("POST", "/connectors"),
    ("GET", "/admin/loggers"),
    ("GET", "/connector-plugins"),
    ("GET", "/health"),
]
WRONG = {"username": "test", "password": "of-somebody"}


def status(connect: ConnectWorker, method: str, path: str, headers: dict[str, str]) -> int:
    request = urllib.request.Request(
        connect.url + path, b"{}" if method in ("PUT", "POST") else None, headers, method=method
    )
    request.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


@pytest.mark.parametrize(("method", "path"), REQUESTS)
def test_nobody_gets_in_without_the_credential(connect: ConnectWorker, method: str, path: str) -> None:
    assert status(connect, method, path, {}) == 401
    assert status(connect, method, path, authorization(WRONG)) == 401
    assert status(connect, method, path, authorization(connect.credential)) != 401


def test_the_probe_has_the_credential(connect: ConnectWorker, tmp_path: Path) -> None:
    def probe(port: int, users: Path) -> int:
        command = [str(DISTRIBUTION / "kafka" / "bin" / "connect-probe"), str(port), str(users)]
        environment = {**os.environ, "HOSTNAME": "127.0.0.1"}
        return subprocess.run(command, env=environment, capture_output=True, check=False, timeout=30).returncode

    other = tmp_path / "users.properties"
    other.write_text("test=of-somebody\n")
    assert probe(connect.port, connect.users) == 0
    assert probe(connect.port, other) != 0
    assert probe(connect.port, tmp_path / "missing") != 0
    # Nothing listens on the port for "discard".
    assert probe(9, connect.users) != 0
