"""kubectl for tests: documents in and out, and waiting."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

Value = TypeVar("Value")


class CommandError(AssertionError):
    """A command failed; the message is what it wrote to standard error."""


@cache
def environment() -> dict[str, str]:
    """The environment in which kubectl and helm find the cluster: KUBECONFIG's, else the one of `make cluster-up`."""
    cache_home = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    folder = Path(os.environ.get("LOGPIPELINE_CACHE", cache_home / "logpipeline"))
    own = {"KUBECONFIG": str(folder / "cluster" / "kubeconfig")}
    return {**own, **os.environ, "PATH": f"{os.environ['PATH']}:{folder / 'tools'}"}


def call(*command: str, given: str | bytes | None = None, seconds: float = 120) -> subprocess.CompletedProcess[str]:
    """Run a command and return what it said, whether it failed or not."""
    program = shutil.which(command[0], path=environment()["PATH"])
    assert program, f"there is no {command[0]}: run `make cluster-up`"
    text = given.decode() if isinstance(given, bytes) else given
    return subprocess.run(
        [program, *command[1:]],
        input=text,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
        env=environment(),
    )


def run(*command: str, given: str | bytes | None = None, seconds: float = 120) -> str:
    """Return what a command prints; raises CommandError when it fails."""
    done = call(*command, given=given, seconds=seconds)
    if done.returncode:
        raise CommandError(f"{' '.join(command)}: {done.stderr.strip()} {done.stdout.strip()}")
    return done.stdout


def kubectl(*arguments: str, given: str | bytes | None = None, seconds: float = 120) -> str:
    """Return what kubectl prints; raises CommandError when it fails."""
    return run("kubectl", *arguments, given=given, seconds=seconds)


def get(*arguments: str) -> dict[str, Any] | None:
    """Return an object, None when it is not there."""
    text = kubectl("get", *arguments, "--ignore-not-found", "--output", "json")
    return json.loads(text) if text else None


def listed(*arguments: str) -> list[dict[str, Any]]:
    """Return the objects of a list."""
    items: list[dict[str, Any]] = json.loads(kubectl("get", *arguments, "--output", "json"))["items"]
    return items


class Namespace:
    """One namespace of the cluster that KUBECONFIG names."""

    def __init__(self, name: str) -> None:
        self.name = name

    def kubectl(self, *arguments: str, given: str | bytes | None = None, seconds: float = 120) -> str:
        return kubectl("--namespace", self.name, *arguments, given=given, seconds=seconds)

    def apply(self, *documents: dict[str, Any]) -> None:
        body = json.dumps({"apiVersion": "v1", "kind": "List", "items": documents})
        self.kubectl("apply", "--server-side", "--field-manager=test", "--force-conflicts", "-f", "-", given=body)

    def get(self, kind: str, name: str) -> dict[str, Any] | None:
        return get("--namespace", self.name, kind, name)

    def list(self, kind: str, selector: str = "") -> list[dict[str, Any]]:
        return listed("--namespace", self.name, kind, *(["--selector", selector] if selector else []))

    def patch(self, kind: str, name: str, patch: Any, *more: str, form: str = "merge") -> None:
        self.kubectl("patch", kind, name, f"--type={form}", "-p", json.dumps(patch), *more)

    def delete(self, kind: str, name: str, *more: str) -> None:
        self.kubectl("delete", kind, name, "--ignore-not-found", *more)


def wait_for(what: str, check: Callable[[], Value | None], seconds: float, every: float = 0.5) -> Value:
    """Return the first true value that `check` gives; raises AssertionError with what it gave last."""
    deadline = time.monotonic() + seconds
    while True:
        found = check()
        if found:
            return found
        assert time.monotonic() < deadline, f"{what}: not within {seconds:g} s"
        time.sleep(every)
