"""kubectl against the cluster under test: that of KUBECONFIG, else the one that `make cluster-up` made."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "logpipeline"


@cache
def environment() -> dict[str, str]:
    """Return the environment in which kubectl and helm find the cluster."""
    own = CACHE / "cluster" / "kubeconfig"
    kubeconfig = os.environ.get("KUBECONFIG", str(own))
    return {**os.environ, "KUBECONFIG": kubeconfig, "PATH": f"{os.environ['PATH']}:{CACHE / 'tools'}"}


def run(*arguments: str, stdin: str | None = None, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run kubectl; a failure shows what it said."""
    program = shutil.which("kubectl", path=environment()["PATH"])
    assert program, "there is no kubectl: run `make cluster-up`"
    done = subprocess.run(
        [program, *arguments], input=stdin, capture_output=True, text=True, check=False, env=environment()
    )
    assert not check or done.returncode == 0, f"kubectl {' '.join(arguments)}\n{done.stdout}{done.stderr}"
    return done


def get(*arguments: str) -> dict[str, Any] | None:
    """Return an object, None when it is not there."""
    text = run("get", *arguments, "--ignore-not-found", "--output", "json").stdout
    return json.loads(text) if text else None


def listed(*arguments: str) -> list[dict[str, Any]]:
    """Return the objects of a list."""
    return json.loads(run("get", *arguments, "--output", "json").stdout)["items"]
