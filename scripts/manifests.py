"""manifests/operator, the way without Helm, made from the chart.

Writes the folder anew; with --check it is only compared, and the exit code is 1 when it is stale. HELM names the
program to use.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).parent.parent
TARGET = ROOT / "manifests" / "operator"
RELEASE, NAMESPACE = "logpipeline", "logpipeline-system"
# kustomize applies the CRD itself, and there are no hooks without Helm.
VALUES = {"crds.enabled": "false"}
# They speak of Helm, or change with the chart's version alone.
HELM_LABELS = re.compile(r"^ *(helm\.sh/chart|app\.kubernetes\.io/managed-by): .*\n", re.MULTILINE)
HEADER = "# Made from charts/logpipeline-operator by `make manifests`.\n"
NAMESPACE_OBJECT = {
    "apiVersion": "v1",
    "kind": "Namespace",
    "metadata": {
        "name": NAMESPACE,
        "labels": {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")},
    },
}


def rendered() -> dict[str, str]:
    """Return what the folder should hold: file name → text, a file a template; exits where helm is missing."""
    command = [os.environ.get("HELM", "helm"), "template", RELEASE, str(ROOT / "charts" / "logpipeline-operator")]
    command += ["--namespace", NAMESPACE, "--no-hooks", "--skip-tests"]
    for key, value in VALUES.items():
        command += ["--set", f"{key}={value}"]
    try:
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    except FileNotFoundError:
        sys.exit(f"error: there is no {command[0]!r}: install Helm 3, or name it: HELM=/path/to/helm")
    files: dict[str, list[str]] = {"namespace.yaml": [yaml.safe_dump(NAMESPACE_OBJECT, sort_keys=False)]}
    for document in re.split(r"^---\n", output, flags=re.MULTILINE):
        source = re.match(r"# Source: \S+/templates/(\S+)\n", document)
        if source:
            text = HELM_LABELS.sub("", document[source.end() :]).strip("\n") + "\n"
            files.setdefault(source[1], []).append(text)
    resources = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "resources": sorted(files)}
    texts = {name: HEADER + "---\n".join(documents) for name, documents in files.items()}
    return texts | {"kustomization.yaml": HEADER + yaml.safe_dump(resources, sort_keys=False)}


def main() -> int:
    """Write or check; return the exit code."""
    wanted = rendered()
    found = {file.name: file.read_text() for file in TARGET.glob("*")}
    stale = sorted(name for name in {*wanted, *found} if wanted.get(name) != found.get(name))
    if sys.argv[1:] == ["--check"]:
        for name in stale:
            print(f"error: manifests/operator/{name} is stale: run `make manifests`", file=sys.stderr)
        return 1 if stale else 0
    TARGET.mkdir(parents=True, exist_ok=True)
    for name in stale:
        if name in wanted:
            (TARGET / name).write_text(wanted[name])
        else:
            (TARGET / name).unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
