"""What the chart renders from the values in its ci folder and from single settings; no cluster needed."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest
import yaml

import logpipeline
from helm_chart import CHART, CI, MONITORING, NAMESPACE, ROOT, Document, pod_of, refusal, template
from kubectl import run
from logpipeline_alert_bridge.alerts import DETECTION, HELD_BACK
from logpipeline_alert_bridge.metrics import BridgeMetrics
from logpipeline_operator import configuration
from logpipeline_operator.cluster.kinds import CHILDREN
from logpipeline_operator.metrics import REGISTRY
from logpipeline_spark.metrics import BoardCollector
from logpipeline_spark.progress import Board, Goal

ALL = ("--values", str(CI["all-options"]), *MONITORING)
CRD_HOOK = {"ServiceAccount/logpipeline-operator-crds", "Job/logpipeline-operator-crds"} | {
    f"{kind}/logpipeline-operator-crds-lp-system" for kind in ("ClusterRole", "ClusterRoleBinding")
}
ALWAYS = {
    "Deployment/logpipeline-operator",
    "Service/logpipeline-operator",
    "ServiceAccount/logpipeline-operator",
    "Role/lp-system/logpipeline-operator-self",
    "RoleBinding/lp-system/logpipeline-operator-self",
    "Pod/logpipeline-operator-test",
}


def bound(name: str, *namespaces: str) -> set[str]:
    return {f"{kind}/{namespace}/{name}" for kind in ("Role", "RoleBinding") for namespace in namespaces}


def cluster_roles(name: str) -> set[str]:
    return {f"ClusterRole/{name}", f"ClusterRoleBinding/{name}", f"ClusterRole/{name}-view", f"ClusterRole/{name}-edit"}


def names(documents: list[Document]) -> list[str]:
    """kind/name, with the namespace between where it matters, that is for Roles."""
    shown = []
    for document in documents:
        metadata = document["metadata"]
        namespace = f"{metadata['namespace']}/" if document["kind"] in {"Role", "RoleBinding"} else ""
        shown.append(f"{document['kind']}/{namespace}{metadata['name']}")
    return shown


def only(documents: list[Document], kind: str) -> Document:
    (found,) = [document for document in documents if document["kind"] == kind]
    return found


def environment(documents: list[Document]) -> dict[str, str]:
    (container,) = only(documents, "Deployment")["spec"]["template"]["spec"]["containers"]
    return {variable["name"]: variable.get("value", "") for variable in container["env"]}


@pytest.mark.parametrize("name", CI)
def test_lint(name: str) -> None:
    run("helm", "lint", "--strict", str(CHART), "--values", str(CI[name]))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("default", ALWAYS | CRD_HOOK | cluster_roles("logpipeline-operator")),
        # No ClusterRole at all, so that the owner of a few namespaces can install it.
        ("namespaced", ALWAYS | bound("logpipeline-operator-lp-system", "logs", "lp-system")),
        (
            "several-namespaces",
            ALWAYS
            | CRD_HOOK
            | {"NetworkPolicy/logpipeline-operator"}
            | cluster_roles("logpipeline-operator-lp-system")
            | bound("logpipeline-operator-lp-system", "logs", "team-a", "lp-system"),
        ),
    ],
)
def test_the_objects_of_each_way_to_install(name: str, expected: set[str]) -> None:
    found = names(template("--values", str(CI[name])))
    assert sorted(found) == sorted(expected)


@pytest.mark.parametrize("name", CI)
def test_every_pod_fits_pod_security_restricted(name: str) -> None:
    pods = [pod for document in template("--values", str(CI[name])) if (pod := pod_of(document))]
    assert pods
    for pod in pods:
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["containers"]:
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert context["readOnlyRootFilesystem"] is True
            assert {"name": "tmp", "mountPath": "/tmp"} in container["volumeMounts"]
            assert container["resources"]["limits"]["memory"]


@pytest.mark.parametrize("name", CI)
def test_the_operator_understands_what_it_is_given(name: str) -> None:
    assert configuration.from_environment(environment(template("--values", str(CI[name]))))


@pytest.mark.parametrize(
    ("arguments", "variable", "value"),
    [
        ((), "LOGPIPELINE_NAMESPACES", ""),
        (("--set", "watchNamespaces={b,a}"), "LOGPIPELINE_NAMESPACES", f"a,b,{NAMESPACE}"),
        (("--set", "watchNamespaces={a}", "--set", "canary.enabled=false"), "LOGPIPELINE_NAMESPACES", "a"),
        ((), "LOGPIPELINE_IMAGE_CONNECT", f"docker.io/logpipeline/kafka-connect:{logpipeline.__version__}"),
        (("--set", "images.tag=1.2"), "LOGPIPELINE_IMAGE_SPARK", "docker.io/logpipeline/spark:1.2"),
        (("--set", "images.kafka=example.com:5000/k:1"), "LOGPIPELINE_IMAGE_KAFKA", "example.com:5000/k:1"),
        (("--set", "images.tag=1.2"), "LOGPIPELINE_IMAGE_KIBANA", "docker.elastic.co/kibana/kibana:8.19.21"),
        (ALL, "LOGPIPELINE_RESYNC_SECONDS", "60"),
        (ALL, "LOGPIPELINE_CLUSTER_DOMAIN", "cluster.example.com"),
        (ALL, "LOGPIPELINE_LOG_LEVEL", "debug"),
        (
            ("--set", "nameOverride=lpo"),
            "LOGPIPELINE_POD_LABELS",
            "app.kubernetes.io/component=operator,app.kubernetes.io/instance=logpipeline,app.kubernetes.io/name=lpo",
        ),
        (("--set", "leaderElection.enabled=false"), "LOGPIPELINE_LEADER_ELECTION", "false"),
        (ALL, "LOGPIPELINE_DEPLOYMENT", "log-pipelines"),
    ],
)
def test_values_reach_the_operator(arguments: tuple[str, ...], variable: str, value: str) -> None:
    assert environment(template(*arguments))[variable] == value


@pytest.mark.parametrize(
    ("release", "arguments", "name"),
    [
        ("logpipeline", (), "logpipeline-operator"),
        ("logpipeline-operator", (), "logpipeline-operator"),
        ("blue", (), "blue-logpipeline-operator"),
        ("blue", ("--set", "fullnameOverride=green"), "green"),
    ],
)
def test_names(release: str, arguments: tuple[str, ...], name: str) -> None:
    assert only(template(*arguments, release=release), "Deployment")["metadata"]["name"] == name


@pytest.mark.parametrize(
    ("arguments", "kinds"),
    [
        ((), set()),
        (MONITORING, set()),
        (("--set", "serviceMonitor.enabled=true,prometheusRule.enabled=true"), set()),
        ((*MONITORING, "--set", "serviceMonitor.enabled=true"), {"ServiceMonitor"}),
        ((*MONITORING, "--set", "podMonitor.enabled=true"), {"PodMonitor"}),
        (("--set", "replicas=2"), {"PodDisruptionBudget"}),
        (("--set", "replicas=2,podDisruptionBudget.enabled=false"), set()),
        (("--set", "networkPolicy.enabled=true"), {"NetworkPolicy"}),
        (ALL, {"ServiceMonitor", "PodMonitor", "PrometheusRule", "PodDisruptionBudget", "NetworkPolicy"}),
    ],
)
def test_optional_objects(arguments: tuple[str, ...], kinds: set[str]) -> None:
    optional = {"ServiceMonitor", "PodMonitor", "PrometheusRule", "PodDisruptionBudget", "NetworkPolicy"}
    assert {document["kind"] for document in template(*arguments)} & optional == kinds


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("replicas=2,leaderElection.enabled=false", "replicas is 2 and leaderElection.enabled is false"),
        ("serviceAccount.create=false", "serviceAccount.name is empty"),
        ("rbac.create=false", "crds.enabled is true and rbac.create is false"),
        ("rbac.clusterScoped=false,watchNamespaces={a}", "crds.enabled is true and rbac.clusterScoped is false"),
        ("rbac.clusterScoped=false,crds.enabled=false", "watchNamespaces is empty"),
        ("replica=2", "Additional property replica is not allowed"),
        ("images.kafka=", None),
        ("images.kibana=", "images.kibana"),
        ("images.kafka=a b", "images.kafka"),
        ("workers=0", "workers: Must be greater than or equal to 1"),
        ("log.level=verbose", "log.level"),
        ("watchNamespaces={a,a}", "unique"),
        ("watchNamespaces={A}", "watchNamespaces.0"),
        ("serviceMonitor.interval=often", "serviceMonitor.interval"),
    ],
)
def test_values_that_make_no_sense_are_refused(settings: str, said: str | None) -> None:
    if said is None:
        template("--set", settings)
    else:
        assert said in refusal("--set", settings)


def test_all_contradictions_come_in_one_message() -> None:
    said = refusal("--set", "replicas=2,leaderElection.enabled=false,serviceAccount.create=false,rbac.create=false")
    assert said.count("  - ") == 3


@pytest.mark.parametrize(
    ("name", "kind"), [("default", "ClusterRole"), ("namespaced", "Role"), ("several-namespaces", "Role")]
)
def test_the_rights_cover_every_kind_that_the_operator_manages(name: str, kind: str) -> None:
    roles = [document for document in template("--values", str(CI[name])) if document["kind"] == kind]
    role = max(roles, key=lambda role: len(role["rules"]))
    held = {
        (group, resource, verb)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    for child in CHILDREN:
        verbs = {"get", "list", "watch", "delete"} | ({"create", "patch"} if child.applied else set())
        assert verbs <= {verb for group, resource, verb in held if (group, resource) == (child.group, child.plural)}
    assert {verb for group, resource, verb in held if (group, resource) == ("", "secrets")} == {"get", "create"}
    assert not any("*" in part for right in held for part in right)


def test_the_old_and_the_new_operator_never_work_at_once() -> None:
    without_lease = only(template("--set", "leaderElection.enabled=false"), "Deployment")
    assert without_lease["spec"]["strategy"] == {"type": "Recreate"}
    assert only(template(), "Deployment")["spec"]["strategy"]["type"] == "RollingUpdate"


def test_a_new_chart_alone_does_not_restart_the_operator() -> None:
    labels = only(template(), "Deployment")["spec"]["template"]["metadata"]["labels"]
    assert not {"helm.sh/chart", "app.kubernetes.io/version"} & set(labels)


def test_the_chart_is_of_the_version_of_its_operator() -> None:
    assert yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"] == logpipeline.__version__


def test_alerts_look_at_what_the_operator_of_this_release_counts() -> None:
    rules = [rule for group in only(template(*ALL), "PrometheusRule")["spec"]["groups"] for rule in group["rules"]]
    assert rules
    counted = {family.name for family in REGISTRY.collect()}
    for rule in rules:
        names = re.findall(r"logpipeline_operator_\w+", rule["expr"])
        assert {name.removesuffix("_count").removesuffix("_total") for name in names} <= counted
        assert rule["expr"].count(f'namespace="{NAMESPACE}"') == len(names)


def test_alerts_on_pipelines_look_at_what_their_parts_count() -> None:
    groups = yaml.safe_load((CHART / "files" / "pipeline-alerts.yaml").read_text())["groups"]
    board = Board("nginx", {"client-rate": Goal()})
    families = [*BoardCollector(board).collect(), *BridgeMetrics("nginx").registry.collect()]
    rules = yaml.safe_load((ROOT / "services" / "kafka" / "config" / "metrics.yaml").read_text())["rules"]
    counted = {family.name for family in families} | {rule["name"].removesuffix("_total") for rule in rules} | {"up"}
    for rule in (rule for group in groups for rule in group["rules"]):
        names = re.findall(r"\b(?:logpipeline_(?:goal|alert_bridge)|kafka)_\w+|\bup\b", rule["expr"])
        assert names
        assert {name.removesuffix("_total") for name in names} <= counted


@pytest.mark.parametrize("name", ["alerts", "pipeline-alerts"])
def test_each_alert_fires_when_it_should_and_none_at_rest(name: str) -> None:
    run("promtool", "test", "rules", str(Path(__file__).parent / f"{name}.test.yaml"))


def test_a_prometheus_without_its_operator_names_pods_as_one_with_it() -> None:
    jobs = yaml.safe_load((CHART / "files" / "scrape-configs.yaml").read_text())["scrape_configs"]
    pipelines = next(job for job in jobs if job["job_name"] == "logpipeline-pipelines")
    (endpoint,) = only(template(*ALL), "PodMonitor")["spec"]["podMetricsEndpoints"]
    written = {"sourceLabels": "source_labels", "targetLabel": "target_label"}
    ours = [{written.get(key, key): value for key, value in one.items()} for one in endpoint["relabelings"]]
    # The others are what Prometheus' operator writes for every PodMonitor.
    assert all(one in pipelines["relabel_configs"] for one in ours)
    assert {one.get("target_label") for one in pipelines["relabel_configs"]} == {None, "namespace", "pod", "pipeline"}
    assert endpoint["metricRelabelings"] == pipelines["metric_relabel_configs"]


def test_each_dashboard_is_found_by_the_sidecar_and_knows_no_installation() -> None:
    found = [document for document in template(*ALL) if document["metadata"].get("labels", {}).get("grafana_dashboard")]
    assert {one["metadata"]["annotations"]["grafana_folder"] for one in found} == {"Logs"}
    pages = [json.loads(text) for one in found for text in one["data"].values()]
    assert len({page["uid"] for page in pages}) == len(pages) == len(list((CHART / "files" / "dashboards").iterdir()))
    for page in pages:
        panels = [panel for panel in page["panels"] if panel["type"] != "row"]
        assert len({panel["id"] for panel in page["panels"]}) == len(page["panels"])
        assert {panel["datasource"]["uid"] for panel in panels} == {"${datasource}"}


def test_all_alerts_are_in_the_chart_and_in_the_docs() -> None:
    rules = [rule for group in only(template(*ALL), "PrometheusRule")["spec"]["groups"] for rule in group["rules"]]
    alerts = {rule["alert"] for rule in rules}
    for file in ("alerts.yaml", "pipeline-alerts.yaml"):
        groups = yaml.safe_load((CHART / "files" / file).read_text())["groups"]
        assert {rule["alert"] for group in groups for rule in group["rules"]} <= alerts
    sections = re.findall(r"^## (\w+)$", (ROOT / "docs" / "alerts.md").read_text(), re.MULTILINE)
    assert sorted(sections) == sorted(alerts | {DETECTION, HELD_BACK})


@pytest.mark.parametrize("script", ["chart_docs.py", "manifests.py"])
def test_what_is_made_from_the_chart_is_fresh(script: str) -> None:
    run(sys.executable, str(ROOT / "scripts" / script), "--check")
