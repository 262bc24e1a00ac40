"""Helm, and the chart as the objects it renders."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from kubectl import environment

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts" / "logpipeline-operator"
CI = {file.name.removesuffix("-values.yaml"): file for file in sorted((CHART / "ci").glob("*-values.yaml"))}
RELEASE, NAMESPACE = "logpipeline", "lp-system"
MONITORING = ("--api-versions", "monitoring.coreos.com/v1")

Document = dict[str, Any]


@cache
def program() -> str:
    """Return helm: the one that HELM names, on the path, or in the cache of the cluster's tools."""
    found = os.environ.get("HELM") or shutil.which("helm", path=environment()["PATH"])
    assert found, "there is no helm: run tests/cluster/build-tools.sh, or name it: HELM=..."
    return found


def helm(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run helm and return what it said; a failure shows it."""
    done = subprocess.run([program(), *arguments], capture_output=True, text=True, check=False, env=environment())
    assert not check or done.returncode == 0, f"helm {' '.join(arguments)}\n{done.stdout}{done.stderr}"
    return done


def template(*arguments: str, release: str = RELEASE) -> list[Document]:
    """Return the objects that the chart renders, hooks and tests among them."""
    text = helm("template", release, str(CHART), "--namespace", NAMESPACE, *arguments).stdout
    return [document for document in yaml.safe_load_all(text) if document]


def refusal(*arguments: str) -> str:
    """Return what helm says of values that the chart refuses."""
    done = helm("template", RELEASE, str(CHART), "--namespace", NAMESPACE, *arguments, check=False)
    assert done.returncode != 0, "the values are accepted"
    return done.stderr


def pod_of(document: Document) -> Document | None:
    """Return the pod's spec in a Pod, Deployment or Job; None for anything else."""
    if document["kind"] == "Pod":
        return document["spec"]
    return document.get("spec", {}).get("template", {}).get("spec")
