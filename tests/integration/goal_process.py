"""The goals of a resource as the process that runs them in earnest."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Self

from processes import Broker, free_port, own_temporary_files


class GoalProcess:
    """All goals of a resource in one process group; `more` are options that the resource's own do not cover."""

    def __init__(self, folder: Path, kafka: Broker, *more: object, bootstrap_servers: str | None = None) -> None:
        self._port = free_port()
        options = [
            "--pipeline",
            folder / "pipeline.yaml",
            "--bootstrap-servers",
            bootstrap_servers or kafka.bootstrap_servers,
            "--checkpoints",
            folder / "checkpoints",
            *more,
        ]
        self._log = folder / "goals.log"
        command = [
            sys.executable,
            "-m",
            "logpipeline_spark.goal",
            *map(str, options),
            "--metrics-port",
            str(self._port),
        ]
        environment = own_temporary_files(folder)
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=subprocess.STDOUT, start_new_session=True, env=environment
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self.kill()

    @property
    def pid(self) -> int:
        return self._process.pid

    def progress(self) -> dict[str, dict[str, Any]]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/progress", timeout=5) as answer:
            return {goal["goal"]: goal for goal in json.load(answer)["goals"]}

    def metrics(self) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/metrics", timeout=5) as answer:
            return str(answer.read().decode())

    def answers(self, probe: str) -> int:
        """The status of /healthz or /readyz."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/{probe}", timeout=5) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code

    def wait_until(self, holds: Any, seconds: float = 240) -> dict[str, dict[str, Any]]:
        """Wait for a condition on the progress of all goals; fails with the log's end when they do not get there."""
        deadline = time.monotonic() + seconds
        progress: dict[str, dict[str, Any]] = {}
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                progress = self.progress()
            except OSError:
                progress = {}
            if progress and holds(progress.values()):
                return progress
            time.sleep(0.2)
        log = self._log.read_text(errors="replace")[-4000:]
        raise AssertionError(f"exit code {self._process.poll()}, progress {progress}; the log ends:\n{log}")

    def kill(self) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def stop(self) -> int:
        self._process.terminate()
        return self.wait()

    def wait(self) -> int:
        return self._process.wait(60)
