"""Installing, upgrading, rolling back and uninstalling on a real cluster, with Helm and without."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

import kubectl
import logpipeline
from helm_chart import CHART, CI, NAMESPACE, RELEASE, ROOT, helm, template
from logpipeline_operator import crds

CRD = "logpipelines.logpipeline.dev"
LOGS, TEAM, SYSTEM = "logs", "team-a", "logpipeline-system"
ACCOUNT = f"system:serviceaccount:{NAMESPACE}:logpipeline-operator"
RESTRICTED = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
# The field that the CRD of the "previous" version does not have yet.
FIELD = "deletePolicy"
PREVIOUS_CRD = f"""
from logpipeline_operator import crds
crd = crds.wanted()
crd["metadata"]["labels"][crds.VERSION_LABEL] = "0.0.1"
for version in crd["spec"]["versions"]:
    del version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["{FIELD}"]
print(crds.apply(crds.connect(), crd))
"""
PIPELINE = {
    "apiVersion": "logpipeline.dev/v1alpha1",
    "kind": "LogPipeline",
    "metadata": {"name": "survivor", "namespace": LOGS},
    "spec": {
        "suspend": True,
        "kafka": {"managed": {}},
        "goals": [{"name": "errors", "groupBy": ["host"], "window": {"size": "1m"}}],
    },
}


@pytest.fixture(scope="module", autouse=True)
def namespaces() -> Iterator[None]:
    """The release's namespace and two with pipelines, all under Pod Security `restricted`."""
    for name in (NAMESPACE, LOGS, TEAM):
        document = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": RESTRICTED}}
        kubectl.kubectl("apply", "--filename", "-", given=json.dumps(document))
    yield
    kubectl.kubectl("delete", "namespace", NAMESPACE, LOGS, TEAM, "--ignore-not-found")


@pytest.fixture
def unused_cluster() -> Iterator[None]:
    """A cluster without the CRD, and without it again afterwards; skips where others have pipelines."""
    if kubectl.get("crd", CRD):
        others = [each["metadata"] for each in kubectl.listed(CRD, "--all-namespaces")]
        if others:
            pytest.skip(f"the cluster has pipelines of others, such as {others[0]['namespace']}/{others[0]['name']}")
        kubectl.kubectl("delete", "crd", CRD)
    assert not kubectl.get("namespace", SYSTEM), f"there is a namespace {SYSTEM}: is the operator installed?"
    yield
    helm("uninstall", RELEASE, "--namespace", NAMESPACE, "--ignore-not-found", "--no-hooks", check=False)
    kubectl.kubectl("delete", "namespace", SYSTEM, "--ignore-not-found")
    kubectl.kubectl("delete", "crd", CRD, "--ignore-not-found")


def release(verb: str, chart: Path, *settings: str) -> None:
    """Install or upgrade for two namespaces and wait until it is done."""
    chosen = [part for setting in (f"watchNamespaces={{{LOGS}}}", *settings) for part in ("--set", setting)]
    helm(verb, RELEASE, str(chart), "--namespace", NAMESPACE, "--wait", "--timeout", "3m", *chosen)


def faults() -> list[str]:
    """What the CRD on the cluster lacks of this version's."""
    live = kubectl.get("crd", CRD)
    assert live
    return crds.stale(live, crds.wanted())


def survivor() -> dict[str, object]:
    """The pipeline that lives through everything, without what the API server and the operator write."""
    found = kubectl.get(CRD, "survivor", "--namespace", LOGS)
    assert found
    return {"uid": found["metadata"]["uid"], FIELD: found["spec"].get(FIELD)}


def remnants() -> list[str]:
    """What is left of a release, the pods that are on their way out aside."""
    kinds = "deployments,services,serviceaccounts,roles,rolebindings,jobs,clusterroles,clusterrolebindings"
    selector = f"app.kubernetes.io/part-of=logpipeline,app.kubernetes.io/instance={RELEASE}"
    left = kubectl.listed(kinds, "--all-namespaces", "--selector", selector)
    return [f"{each['kind']}/{each['metadata']['name']}" for each in left]


def test_a_pipeline_outlives_upgrade_roll_back_and_uninstall(unused_cluster: None, tmp_path: Path) -> None:
    previous = tmp_path / "previous"
    shutil.copytree(CHART, previous)
    hook = previous / "templates" / "crds-hook.yaml"
    command = f"command: {json.dumps(['python', '-c', PREVIOUS_CRD])}"
    text = hook.read_text()
    assert "command: [python, -m, logpipeline_operator.crds, apply]" in text
    hook.write_text(text.replace("command: [python, -m, logpipeline_operator.crds, apply]", command))

    # The operator of this version would refuse the older CRD, so the previous release has none.
    release("install", previous, "replicas=0")
    assert faults() == [f"v1alpha1: spec.{FIELD} is missing"]
    kubectl.kubectl("apply", "--filename", "-", given=json.dumps(PIPELINE))
    before = survivor()

    release("upgrade", CHART)
    assert faults() == []
    labels = (kubectl.get("crd", CRD) or {})["metadata"]["labels"]
    assert labels[crds.VERSION_LABEL] == logpipeline.__version__
    helm("test", RELEASE, "--namespace", NAMESPACE, "--timeout", "3m")
    edited = {"spec": {FIELD: "Delete"}}
    kubectl.kubectl("patch", CRD, "survivor", "--namespace", LOGS, "--type", "merge", "--patch", json.dumps(edited))
    after = {**before, FIELD: "Delete"}
    assert survivor() == after

    helm("rollback", RELEASE, "1", "--namespace", NAMESPACE, "--wait", "--timeout", "3m")
    assert faults() == [], "a roll-back must not take fields away"
    assert survivor() == after

    release("upgrade", CHART)
    helm("uninstall", RELEASE, "--namespace", NAMESPACE, "--wait", "--timeout", "3m")
    assert remnants() == []
    assert faults() == []
    assert survivor() == after
    deadline = time.monotonic() + 60
    while kubectl.get(CRD, "logpipeline-canary", "--namespace", NAMESPACE):
        assert time.monotonic() < deadline, "the canary outlives its operator"
        time.sleep(1)


def test_without_helm(unused_cluster: None) -> None:
    kubectl.kubectl("apply", "--server-side", "--force-conflicts", "--kustomize", str(ROOT / "manifests"))
    kubectl.kubectl("rollout", "status", "deployment/logpipeline-operator", "--namespace", SYSTEM, "--timeout", "180s")
    kubectl.kubectl("create", "--dry-run=server", "--filename", str(ROOT / "manifests" / "samples"))
    kubectl.kubectl("delete", "--kustomize", str(ROOT / "manifests" / "operator"))
    assert faults() == []
    assert remnants() == []


@pytest.mark.parametrize("name", CI)
def test_the_api_server_takes_what_the_chart_renders(name: str) -> None:
    documents = template("--values", str(CI[name]))
    for document in documents:
        if document["kind"] == "Pod":
            # A dry run makes no account for it.
            del document["spec"]["serviceAccountName"]
    text = yaml.safe_dump_all(documents)
    done = kubectl.call("kubectl", "create", "--dry-run=server", "--validate=strict", "--filename", "-", given=text)
    assert done.returncode == 0, done.stderr
    # Pod Security warns about what it would refuse.
    assert "Warning" not in done.stderr


@pytest.fixture(scope="module")
def rights(namespaces: None) -> Iterator[None]:
    """The rights of an operator for one namespace, without the operator."""
    kinds = {"ServiceAccount", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"}
    documents = template("--set", f"watchNamespaces={{{LOGS}}}", "--no-hooks")
    text = yaml.safe_dump_all([document for document in documents if document["kind"] in kinds])
    kubectl.kubectl("apply", "--filename", "-", given=text)
    yield
    kubectl.kubectl("delete", "--filename", "-", given=text)


@pytest.mark.parametrize(
    ("namespace", "what", "allowed"),
    [
        (LOGS, "create statefulsets.apps", True),
        (TEAM, "create statefulsets.apps", False),
        (LOGS, "get secrets", True),
        (LOGS, "list secrets", False),
        (TEAM, "get secrets", False),
        (LOGS, f"patch {CRD} --subresource=status", True),
        (LOGS, f"patch {CRD}", False),
        (NAMESPACE, f"patch {CRD}/logpipeline-canary", True),
        (NAMESPACE, f"patch {CRD}/survivor", False),
        (NAMESPACE, "update leases.coordination.k8s.io/logpipeline-operator", True),
        (LOGS, "update leases.coordination.k8s.io/logpipeline-operator", False),
        (None, f"get customresourcedefinitions/{CRD}", True),
        (None, f"patch customresourcedefinitions/{CRD}", False),
        (None, "list customresourcedefinitions", False),
        (None, "list namespaces", False),
    ],
)
def test_what_an_operator_for_one_namespace_may_do(
    rights: None, namespace: str | None, what: str, allowed: bool
) -> None:
    where = ["--namespace", namespace] if namespace else ["--all-namespaces"]
    said = kubectl.call("kubectl", "auth", "can-i", *what.split(), *where, "--as", ACCOUNT)
    assert said.stdout.strip() == ("yes" if allowed else "no"), said.stderr


def test_the_operator_may_grant_its_goals_what_they_need(rights: None) -> None:
    """Kubernetes refuses a Role with rights that its author does not hold."""
    verbs = ["create", "get", "list", "watch", "delete", "deletecollection"]
    for resource, granted in (("pods", True), ("secrets", False)):
        role = {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "Role",
            "metadata": {"name": "goals", "namespace": LOGS},
            "rules": [{"apiGroups": [""], "resources": [resource], "verbs": verbs}],
        }
        command = ("create", "--dry-run=server", "--filename", "-", "--as", ACCOUNT)
        done = kubectl.call("kubectl", *command, given=json.dumps(role))
        assert (done.returncode == 0) is granted, done.stderr
