"""The chart as the objects it renders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from kubectl import CommandError, run

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts" / "logpipeline-operator"
CI = {file.name.removesuffix("-values.yaml"): file for file in sorted((CHART / "ci").glob("*-values.yaml"))}
RELEASE, NAMESPACE = "logpipeline", "lp-system"
MONITORING = ("--api-versions", "monitoring.coreos.com/v1")

Document = dict[str, Any]


def template(*arguments: str, release: str = RELEASE, namespace: str = NAMESPACE) -> list[Document]:
    """Return the objects that the chart renders, hooks and tests among them."""
    text = run("helm", "template", release, str(CHART), "--namespace", namespace, *arguments)
    return [document for document in yaml.safe_load_all(text) if document]


def refusal(*arguments: str) -> str:
    """Return what helm says of values that the chart refuses."""
    try:
        template(*arguments)
    except CommandError as error:
        return str(error)
    raise AssertionError("the values are accepted")


def pod_of(document: Document) -> Document | None:
    """Return the pod's spec in a Pod, Deployment or Job; None for anything else."""
    if document["kind"] == "Pod":
        return document["spec"]
    return document.get("spec", {}).get("template", {}).get("spec")
