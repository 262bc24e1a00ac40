"""kubectl for tests: documents in and out, and waiting."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from typing import Any, TypeVar

Value = TypeVar("Value")


class CommandError(AssertionError):
    """A command failed; the message is what it wrote to standard error."""


def run(*command: str, given: str | bytes | None = None, seconds: float = 120) -> str:
    """Return what a command prints; raises CommandError when it fails."""
    text = given.encode() if isinstance(given, str) else given
    done = subprocess.run(command, input=text, capture_output=True, timeout=seconds, check=False)
    if done.returncode:
        raise CommandError(f"{' '.join(command)}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout.decode(errors="replace")


class Namespace:
    """One namespace of the cluster that KUBECONFIG names."""

    def __init__(self, name: str) -> None:
        self.name = name

    def kubectl(self, *arguments: str, given: str | bytes | None = None, seconds: float = 120) -> str:
        return run("kubectl", "--namespace", self.name, *arguments, given=given, seconds=seconds)

    def apply(self, *documents: dict[str, Any]) -> None:
        body = json.dumps({"apiVersion": "v1", "kind": "List", "items": documents})
        self.kubectl("apply", "--server-side", "--field-manager=test", "--force-conflicts", "-f", "-", given=body)

    def get(self, kind: str, name: str) -> dict[str, Any] | None:
        text = self.kubectl("get", kind, name, "-o", "json", "--ignore-not-found")
        return json.loads(text) if text else None

    def list(self, kind: str, selector: str = "") -> list[dict[str, Any]]:
        arguments = ["-l", selector] if selector else []
        return json.loads(self.kubectl("get", kind, "-o", "json", *arguments))["items"]

    def patch(self, kind: str, name: str, patch: Any, *more: str, form: str = "merge") -> None:
        self.kubectl("patch", kind, name, f"--type={form}", "-p", json.dumps(patch), *more)

    def delete(self, kind: str, name: str, *more: str) -> None:
        self.kubectl("delete", kind, name, "--ignore-not-found", *more)

    def condition(self, pipeline: str, kind: str) -> dict[str, Any]:
        document = self.get("logpipelines.logpipeline.dev", pipeline) or {}
        conditions = document.get("status", {}).get("conditions", [])
        return next(
            (one for one in conditions if one["type"] == kind), {"status": "Unknown", "reason": "", "message": ""}
        )

    def status(self, pipeline: str) -> dict[str, Any]:
        return (self.get("logpipelines.logpipeline.dev", pipeline) or {}).get("status", {})


def wait_for(what: str, check: Callable[[], Value | None], seconds: float, every: float = 0.5) -> Value:
    """Return the first true value that `check` gives; raises AssertionError with what it gave last."""
    deadline = time.monotonic() + seconds
    while True:
        found = check()
        if found:
            return found
        assert time.monotonic() < deadline, f"{what}: not within {seconds:g} s"
        time.sleep(every)
