"""One `logpipeline up` under test."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import yaml

from logpipeline.local import leftovers

COMMAND = [sys.executable, "-m", "logpipeline", "up"]
# The machine may be busy with other tests: generous, and only ever waited for when something is wrong.
START_SECONDS = 240


def taken(totals: dict[str, Any]) -> int:
    """How many records the sink has done with: indexed them, or refused them."""
    return int((totals.get("indexed") or 0) + (totals.get("refused") or totals.get("dead_letters") or 0))


def lags(status: dict[str, Any]) -> dict[str, int]:
    """How many records each goal and the index are behind the topic."""
    totals = status["totals"] or {}
    kept = totals.get("kept") or 0
    return {goal["goal"]: kept - (goal["offset_total"] or 0) for goal in status["goals"]} | {
        "index": kept - taken(totals)
    }


class Run:
    """One `up`, its output read while it runs."""

    def __init__(self, resource: Path, state: Path, *options: str, **environment: str) -> None:
        self.resource = resource
        self.state = state
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [*COMMAND, "-f", str(resource), "--state", str(state), *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, **environment},
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End what a failed test has left running."""
        if self.process.poll() is None:
            self.process.kill()
        leftovers.end(self.state.resolve(), grace=30)
        self.wait()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as output:
            self.lines.extend(line.rstrip() for line in output)

    @property
    def output(self) -> str:
        return "\n".join(self.lines)

    def status(self) -> dict[str, Any]:
        try:
            status: dict[str, Any] = json.loads((self.state / "status.json").read_text())
        except FileNotFoundError:
            return {}
        return status

    def goals(self) -> list[str]:
        """The names of the goals that the resource has."""
        return [goal["name"] for goal in yaml.safe_load(self.resource.read_text())["spec"]["goals"]]

    def component(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = next(part for part in self.status()["components"] if part["name"] == name)
        return found

    def wait_until(self, condition: Callable[[], bool], seconds: float = START_SECONDS) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert self.process.poll() is None, f"ended with {self.process.returncode}:\n{self.output}"
            assert time.monotonic() < deadline, f"not within {seconds} s:\n{self.output}"
            time.sleep(0.2)

    def wait(self, seconds: float = START_SECONDS) -> int:
        code = self.process.wait(seconds)
        self._reader.join()
        return code

    def summary(self) -> dict[str, int]:
        """The numbers of the table at the end, by their labels."""
        rows = (line.strip().rsplit(maxsplit=1) for line in self.lines if not line.startswith(("[", "error")))
        return {
            row[0]: int(row[1].replace(",", "")) for row in rows if len(row) == 2 and row[1].replace(",", "").isdigit()
        }
