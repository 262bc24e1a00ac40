"""Installing, upgrading, rolling back and uninstalling, with Helm and without.

All of it is for namespaces of its own, so that it gets on with an operator for the whole cluster.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import logpipeline
from helm_chart import CHART, CI, RELEASE, ROOT, template
from kubectl import CommandError, Namespace, call, get, kubectl, listed, run, wait_for
from logpipeline_operator import crds
from logpipeline_operator.crd_versions import VERSION_LABEL, stale
from pipelines_on_cluster import Pipeline, resource

CRD = "logpipelines.logpipeline.dev"
NAME = "logpipeline-operator"
HOOK = "command: [python, -m, logpipeline_operator.crds, apply]"
# A field with a default that only the CRD of the "next" version has; the operator under test does not know it.
FIELD, DEFAULT = "compression", "auto"
NEXT_VERSION = "99.0.0"
NEXT_CRD = f"""
from logpipeline_operator import crds
crd = crds.wanted()
crd["metadata"]["labels"]["{VERSION_LABEL}"] = "{NEXT_VERSION}"
for version in crd["spec"]["versions"]:
    source = version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["source"]
    source["properties"]["{FIELD}"] = {{"type": "string", "default": "{DEFAULT}"}}
    source["default"]["{FIELD}"] = "{DEFAULT}"
print(crds.apply(crds.connect(), crd))
"""


class Room:
    """Where a release is, and one of the namespaces it looks after."""

    def __init__(self, release: Namespace, logs: Namespace) -> None:
        self.release = release
        self.logs = logs
        self.pipeline = Pipeline(logs, resource("survivor", "client-rate"))

    def helm(self, *arguments: str) -> None:
        run("helm", *arguments, "--namespace", self.release.name, "--timeout", "3m", seconds=200)

    def bring(self, verb: str, chart: Path, *settings: str) -> None:
        """Install or upgrade and wait until it is done."""
        chosen = [
            part for setting in (f"watchNamespaces={{{self.logs.name}}}", *settings) for part in ("--set", setting)
        ]
        self.helm(verb, RELEASE, str(chart), "--wait", *chosen)

    def survivor(self) -> dict[str, Any]:
        """The pipeline that lives through everything, as far as nobody but the test changes it: itself and its pods."""
        found = self.pipeline.live()
        pods = self.pipeline.children("pods")
        return {
            "uid": found["metadata"]["uid"],
            FIELD: found["spec"]["source"].get(FIELD),
            "pods": {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in pods},
            "restarts": sum(one["restartCount"] for pod in pods for one in pod["status"]["containerStatuses"]),
        }

    def await_flow(self) -> None:
        """Wait until there are more records and more results than now; nobody needs to look after them for that."""
        topics = [self.pipeline.topic(use) for use in ("raw", "client-rate")]

        def sizes() -> list[int]:
            return [len(self.pipeline.toolbox.topic(self.pipeline.bootstrap, topic)) for topic in topics]

        before = sizes()
        wait_for(
            "records and results to flow", lambda: all(new > old for new, old in zip(sizes(), before, strict=True)), 60
        )

    def remnants(self) -> list[str]:
        """What is left of a release."""
        kinds = "deployments,services,serviceaccounts,roles,rolebindings,jobs,clusterroles,clusterrolebindings"
        selector = "app.kubernetes.io/part-of=logpipeline"
        found = listed(kinds, "--all-namespaces", "--selector", selector)
        metadata = [{"kind": each["kind"], "namespace": "", **each["metadata"]} for each in found]
        ours = (self.release.name, self.logs.name)
        return [
            f"{each['kind']}/{each['name']}"
            for each in metadata
            if each["namespace"] in ours or self.release.name in each["name"]
        ]


@pytest.fixture(scope="module")
def room(new_namespace: Callable[[str], Namespace]) -> Iterator[Room]:
    room = Room(new_namespace("install"), new_namespace("logs"))
    yield room
    # After a failure: what belongs to no namespace stays behind otherwise.
    call("helm", "uninstall", RELEASE, "--namespace", room.release.name, "--ignore-not-found", "--no-hooks")
    for name in room.remnants():
        if name.startswith("ClusterRole"):
            kubectl("delete", name)


def faults() -> list[str]:
    """What the CRD on the cluster lacks of this version's."""
    live = get("crd", CRD)
    assert live
    return stale(live, crds.wanted())


def as_of_an_older_version() -> None:
    """Have the next release apply the CRD of this version, be there a newer one or none."""
    if get("crd", CRD):
        kubectl("label", "crd", CRD, "--overwrite", f"{VERSION_LABEL}=0.0.0")


def version_of_the_crd() -> str:
    return kubectl("get", "crd", CRD, "--output", "jsonpath={.metadata.labels.app\\.kubernetes\\.io/version}")


def test_a_pipeline_outlives_upgrade_roll_back_and_uninstall(room: Room, tmp_path: Path) -> None:
    """The operator under test is the older one, rolled back to after the CRD of a newer one has been applied."""
    following = tmp_path / "next"
    shutil.copytree(CHART, following)
    hook = following / "templates" / "crds-hook.yaml"
    assert HOOK in hook.read_text()
    hook.write_text(hook.read_text().replace(HOOK, f"command: {json.dumps(['python', '-c', NEXT_CRD])}"))

    as_of_an_older_version()
    room.bring("install", CHART)
    assert faults() == []
    assert version_of_the_crd() == logpipeline.__version__
    room.helm("test", RELEASE)
    room.pipeline.apply()
    room.pipeline.wait("Ready")
    room.pipeline.wait("FlowHealthy")
    before = room.survivor()
    assert len(before["pods"]) == 3
    assert before[FIELD] is None

    # There is no operator of the next version, so its release runs none.
    room.bring("upgrade", following, "replicas=0")
    assert version_of_the_crd() == NEXT_VERSION
    after = {**before, FIELD: DEFAULT}
    assert room.survivor() == after

    room.helm("rollback", RELEASE, "1", "--wait")
    assert version_of_the_crd() == NEXT_VERSION, "a roll-back must not take fields away"
    assert faults() == []
    room.pipeline.wait("Progressing", "False", "FieldsIgnored")
    assert f"spec.source.{FIELD}" in room.pipeline.condition("Progressing")["message"]
    room.pipeline.wait("Ready")
    room.await_flow()
    assert room.survivor() == after

    # An edit is still reconciled, there and back.
    room.pipeline.patch("/spec/console", {})
    wait_for("the console to be made", lambda: room.pipeline.pods("console"), 60)
    room.pipeline.patch("/spec/console", None, op="remove")
    wait_for("the console to go", lambda: not room.pipeline.pods("console"), 60)
    room.pipeline.wait("Progressing", "False", "FieldsIgnored")
    room.pipeline.wait("Ready")
    assert room.survivor() == after

    as_of_an_older_version()
    room.bring("upgrade", CHART)
    assert version_of_the_crd() == logpipeline.__version__
    room.pipeline.wait("Progressing", "False", "Complete")
    room.helm("uninstall", RELEASE, "--wait")
    assert room.remnants() == []
    assert faults() == []
    room.await_flow()
    assert room.survivor() == before
    wait_for("the canary to go", lambda: room.release.get(CRD, "logpipeline-canary") is None, 60)


def test_without_helm(new_namespace: Callable[[str], Namespace], tmp_path: Path) -> None:
    """The manifests as they stand are for all namespaces; here an overlay makes them this namespace's."""
    namespace = new_namespace("kustomize")
    suffix = f"-{namespace.name}"
    variables = {"LOGPIPELINE_NAMESPACES": namespace.name, "LOGPIPELINE_DEPLOYMENT": NAME + suffix}
    container = {"name": "operator", "env": [{"name": name, "value": value} for name, value in variables.items()]}
    patch = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": NAME},
        "spec": {"template": {"spec": {"containers": [container]}}},
    }
    overlay = {
        "resources": [os.path.relpath(ROOT / "manifests", tmp_path)],
        "namespace": namespace.name,
        "nameSuffix": suffix,
        "patches": [{"target": {"kind": "Deployment"}, "patch": json.dumps(patch)}],
    }
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(overlay))
    try:
        namespace.kubectl("apply", "--server-side", "--force-conflicts", "--kustomize", str(tmp_path))
        namespace.kubectl("rollout", "status", f"deployment/{NAME}{suffix}", "--timeout=180s", seconds=200)
        assert faults() == []
        namespace.kubectl("create", "--dry-run=server", "--filename", str(ROOT / "manifests" / "samples"))
    finally:
        # Without the CRD, as the manifests say: it would take everyone's pipelines along.
        overlay["resources"] = [os.path.relpath(ROOT / "manifests" / "operator", tmp_path)]
        (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(overlay))
        assert "CustomResourceDefinition" not in kubectl("kustomize", str(tmp_path))
        kubectl("delete", "--ignore-not-found", "--kustomize", str(tmp_path))
    assert faults() == []


@pytest.mark.parametrize("name", CI)
def test_the_api_server_takes_what_the_chart_renders(name: str, room: Room) -> None:
    documents = template("--values", str(CI[name]), namespace=room.release.name)
    for document in documents:
        if document["metadata"].get("namespace") not in (None, room.release.name):
            document["metadata"]["namespace"] = room.logs.name
        if document["kind"] == "Pod":
            # A dry run makes no account for it.
            del document["spec"]["serviceAccountName"]
    text = yaml.safe_dump_all(documents)
    kubectl("create", "--dry-run=server", "--validate=strict", "--warnings-as-errors", "-f", "-", given=text)


@pytest.fixture(scope="module")
def account(room: Room) -> str:
    """An operator for one namespace, its rights alone."""
    kinds = {"ServiceAccount", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"}
    settings = ("--set", f"watchNamespaces={{{room.logs.name}}}", "--no-hooks")
    documents = template(*settings, namespace=room.release.name)
    text = yaml.safe_dump_all([document for document in documents if document["kind"] in kinds])
    kubectl("apply", "--filename", "-", given=text)
    return f"system:serviceaccount:{room.release.name}:{NAME}"


@pytest.mark.parametrize(
    ("where", "what", "allowed"),
    [
        ("logs", "create statefulsets.apps", True),
        ("elsewhere", "create statefulsets.apps", False),
        ("logs", "get secrets", True),
        ("logs", "create secrets", True),
        ("logs", "list secrets", False),
        ("logs", "list events", True),
        ("logs", "patch secrets", False),
        ("elsewhere", "get secrets", False),
        ("logs", f"patch {CRD} --subresource=status", True),
        ("logs", f"patch {CRD}", False),
        ("release", f"patch {CRD}/logpipeline-canary", True),
        ("release", f"patch {CRD}/survivor", False),
        ("release", f"update leases.coordination.k8s.io/{NAME}", True),
        ("logs", f"update leases.coordination.k8s.io/{NAME}", False),
        ("everywhere", f"get customresourcedefinitions/{CRD}", True),
        ("everywhere", f"patch customresourcedefinitions/{CRD}", False),
        ("everywhere", "list customresourcedefinitions", False),
        ("everywhere", "list namespaces", False),
    ],
)
def test_what_an_operator_for_one_namespace_may_do(
    account: str, room: Room, where: str, what: str, allowed: bool
) -> None:
    namespace = {"logs": room.logs.name, "release": room.release.name, "elsewhere": "default"}.get(where)
    scope = f"--namespace={namespace}" if namespace else "--all-namespaces"
    said = call("kubectl", "auth", "can-i", *what.split(), scope, "--as", account)
    assert said.stdout.strip() == ("yes" if allowed else "no"), said.stderr


@pytest.mark.parametrize(("resource", "granted"), [("pods", True), ("secrets", False)])
def test_the_operator_grants_its_goals_no_more_than_it_has(
    account: str, room: Room, resource: str, granted: bool
) -> None:
    """Kubernetes refuses a Role with rights that its author does not hold."""
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": "goals"},
        "rules": [
            {
                "apiGroups": [""],
                "resources": [resource],
                "verbs": ["create", "get", "list", "watch", "delete", "deletecollection"],
            }
        ],
    }
    create = ("create", "--dry-run=server", "--as", account, "--filename", "-")
    if granted:
        room.logs.kubectl(*create, given=json.dumps(role))
    else:
        with pytest.raises(CommandError, match="attempting to grant RBAC permissions not currently held"):
            room.logs.kubectl(*create, given=json.dumps(role))
