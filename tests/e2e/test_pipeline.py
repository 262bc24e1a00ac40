"""The sample, from `kubectl apply` to `kubectl delete`: it runs, heals, changes and stops without losing a record.

The tests of this file are the life of one pipeline, in their order.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from installation import Operator
from kubectl import CommandError, Namespace, call, run, wait_for
from pipelines_on_cluster import PIPELINES, PRESETS, Pipeline

SAMPLE = Path(__file__).parents[2] / "manifests" / "samples" / "nginx.yaml"
APPLIED = ("configmap", "service", "networkpolicy", "statefulset", "deployment", "persistentvolumeclaim")


@pytest.fixture(scope="module")
def nginx(operator: Operator, new_namespace: Callable[[str], Namespace]) -> Pipeline:
    return Pipeline(new_namespace("nginx"), yaml.safe_load(SAMPLE.read_text()))


def test_becomes_ready_and_the_columns_tell(nginx: Pipeline) -> None:
    nginx.apply()
    nginx.wait("Ready")
    nginx.wait("FlowHealthy", seconds=60)
    text = nginx.namespace.kubectl("get", PIPELINES)
    header, row = (line.split() for line in text.splitlines())
    assert header == ["NAME", "READY", "FLOW", "GOALS", "LAG", "RATE", "AGE"]
    assert row[:4] == ["nginx", "True", "Healthy", "4/4"]
    assert re.fullmatch(r"[0-9.]+/s", row[5])
    page = run(sys.executable, "-m", "logpipeline", "status", "nginx", "-n", nginx.namespace.name)
    assert page.startswith(f"{nginx.namespace.name}/nginx  generation 1")
    assert all(goal in page for goal in PRESETS)


def test_records_flow_through_every_part(nginx: Pipeline) -> None:
    before = nginx.status()

    def all_move() -> bool:
        now = nginx.status()
        goals = list(zip(before["goals"], now["goals"], strict=True))
        return (
            # What did not answer in time is unknown, and left out until it does.
            now["records"] > before["records"]
            and now["sink"].get("indexed", 0) > before["sink"].get("indexed", 0)
            and now["sink"].get("tasks") == "2/2"
            and all(sum(new.get("offsets", {}).values()) > sum(old["offsets"].values()) for old, new in goals)
            and all(new.get("batch", 0) > old["batch"] for old, new in goals)
            and all(new.get("lastBatchTime", "") > old["lastBatchTime"] for old, new in goals)
        )

    wait_for("every part to move", all_move, 60)


def test_the_operator_may_die_at_any_moment(nginx: Pipeline, operator: Operator) -> None:
    """Everything is taken away, and the operator before it can have brought all of it back."""
    for kind in ("service", "configmap"):
        nginx.namespace.kubectl("delete", kind, "-l", "app.kubernetes.io/instance=nginx", "--wait=false")
    operator.namespace.kubectl("delete", "pod", operator.pod(), "--grace-period=0", "--force")
    wait_for("all Services to be back", lambda: len(nginx.children("service")) == 8, 60)
    wait_for("all ConfigMaps to be back", lambda: len(nginx.children("configmap")) == 7, 60)
    nginx.wait("Ready")


def test_a_console_comes_and_goes_without_a_restart_and_explains_a_detection(nginx: Pipeline, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("a token of the test")
    nginx.namespace.kubectl("create", "secret", "generic", "console-token", f"--from-file=token={token}")
    before = {pod["metadata"]["uid"] for pod in nginx.namespace.list("pod")}
    nginx.patch("/spec/console", {"secretRef": {"name": "console-token"}})
    wait_for("the console's pod", lambda: nginx.pods("console"), 60)
    nginx.namespace.kubectl("rollout", "status", "deployment/nginx-console", "--timeout=90s", seconds=100)
    explain = (sys.executable, "-m", "logpipeline", "explain", "nginx", "-n", nginx.namespace.name)

    def explained() -> str | None:
        done = call(*explain, "--goal", "client-rate", "--token-file", str(token))
        # The console may not have read the results yet, nor the index the records.
        return done.stdout if done.returncode == 0 and "test-inter+" in done.stdout else None

    text = wait_for("a detection and its records", explained, 120)
    assert text.startswith("client-rate  client_ip 203.0.113.")
    with pytest.raises(CommandError, match="the console asks for its token"):
        run(*explain)
    with pytest.raises(CommandError, match="401"):
        nginx.toolbox.fetch("http://nginx-console:8080/api/snapshot")
    assert before <= {pod["metadata"]["uid"] for pod in nginx.namespace.list("pod")}
    nginx.patch("/spec/console", None, op="remove")
    wait_for("the console to be gone", lambda: not nginx.pods("console"), 60)


def edited(document: dict[str, Any]) -> dict[str, Any]:
    """A patch that changes what the operator wants of a child."""
    labels = {"metadata": {"labels": {"app.kubernetes.io/name": "edited"}}}
    match document["kind"]:
        case "ConfigMap":
            return {"data": dict.fromkeys(document["data"], "edited")}
        case "Service":
            return {"spec": {"selector": {"app.kubernetes.io/component": "edited"}}}
        case "StatefulSet":
            # Two replicas would make a claim for the second, which nobody takes away again.
            return labels | {"spec": {"revisionHistoryLimit": 7}}
        case "Deployment":
            return labels | {"spec": {"replicas": 2}}
        case "NetworkPolicy":
            # Without peers: it lets everybody in.
            return labels | {"spec": {"ingress": [{}]}}
    return labels


@pytest.mark.parametrize("kind", APPLIED)
def test_an_edited_child_is_back_within_ten_seconds(nginx: Pipeline, kind: str) -> None:
    children = nginx.children(kind)
    assert children
    wanted = {child["metadata"]["name"]: child for child in children}
    for name, child in wanted.items():
        nginx.namespace.patch(kind, name, edited(child))

    def as_before() -> bool:
        now = {child["metadata"]["name"]: child for child in nginx.namespace.list(kind)}
        return all(
            now[name].get(part) == child.get(part) for name, child in wanted.items() for part in ("data", "spec")
        ) and all(now[name]["metadata"]["labels"] == child["metadata"]["labels"] for name, child in wanted.items())

    wait_for(f"each {kind} to be as before", as_before, 10, every=0.3)


@pytest.mark.parametrize("kind", ["configmap", "service", "networkpolicy", "deployment", "statefulset"])
def test_a_deleted_child_is_back_within_ten_seconds(nginx: Pipeline, kind: str) -> None:
    uids = {child["metadata"]["name"]: child["metadata"]["uid"] for child in nginx.children(kind)}
    assert uids
    for name in uids:
        nginx.namespace.delete(kind, name, "--wait=false", "--cascade=orphan")

    def back() -> bool:
        now = {child["metadata"]["name"]: child["metadata"]["uid"] for child in nginx.children(kind)}
        return now.keys() == uids.keys() and all(now[name] != uid for name, uid in uids.items())

    wait_for(f"each {kind} to be back", back, 10, every=0.3)


def test_killed_pods_come_back_and_the_operator_has_nothing_to_write(nginx: Pipeline, operator: Operator) -> None:
    """Each pod in turn, under load; then five quiet minutes of the operator have passed, or are waited for."""
    nginx.wait("Ready")
    began, writes = time.monotonic(), operator.writes()
    for component in ("goal", "kafka", "connect", "elasticsearch"):
        for pod in nginx.pods(component):
            nginx.namespace.delete("pod", pod["metadata"]["name"], "--grace-period=0", "--force")
            time.sleep(3)
        nginx.wait("Ready", seconds=240)
    time.sleep(max(0.0, 300 - (time.monotonic() - began)))
    assert operator.writes() == writes
    nginx.wait("FlowHealthy")


# An edit, and the components whose pods are new afterwards: the table of changes, seen from outside.
EDITS: dict[str, tuple[str, Any, set[str]]] = {
    "hot: retention of a topic": ("/spec/source/topic/retention", "12h", set()),
    "hot: tasks of the connector": ("/spec/sink/connect/tasksMax", 1, set()),
    "rolling: the generator's rate": ("/spec/source/generator/ratePerSecond", 150, {"generator"}),
    "rolling: resources of Connect": ("/spec/sink/connect/resources", {"requests": {"cpu": "110m"}}, {"connect"}),
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_restarts_what_the_table_says(nginx: Pipeline, name: str) -> None:
    path, value, components = EDITS[name]

    def pods() -> dict[str, set[str]]:
        found = {
            component: nginx.pods(component) for component in ("goal", "kafka", "connect", "generator", "elasticsearch")
        }
        return {component: {pod["metadata"]["uid"] for pod in list_} for component, list_ in found.items()}

    before = pods()
    nginx.patch(path, value)

    def rolled() -> bool:
        now = pods()
        return all(not now[component] & before[component] for component in components)

    wait_for("the pods to be new", rolled, 120)
    nginx.wait("Ready")
    # The next test begins with nothing under way.
    nginx.wait("Progressing", "False", "Complete")
    now = pods()
    assert {component for component in now if now[component] != before[component]} == components


def test_a_change_that_would_lose_state_is_refused_and_the_goal_runs_on(nginx: Pipeline) -> None:
    uids = {pod["metadata"]["uid"] for pod in nginx.pods("goal")}
    nginx.patch("/spec/goals/0/window", {"size": "40s", "slide": "1s"})
    nginx.wait("Progressing", "False", "ChangeRefused", seconds=30)
    message = nginx.condition("Progressing")["message"]
    for part in ("client-rate", "window.size from 20 to 40", "stateVersion", "new goal name"):
        assert part in message
    assert nginx.condition("Ready")["status"] == "True"
    assert {pod["metadata"]["uid"] for pod in nginx.pods("goal")} == uids
    nginx.namespace.patch(PIPELINES, nginx.name, [{"op": "remove", "path": "/spec/goals/0/window"}], form="json")
    nginx.wait("Progressing", "False", "Complete", seconds=60)


def test_suspended_it_stops_all_but_the_data_and_resumes(nginx: Pipeline) -> None:
    volumes = {claim["metadata"]["uid"] for claim in nginx.children("persistentvolumeclaim")}
    nginx.patch("/spec/suspend", True)
    nginx.wait("Progressing", "False", "Suspended", seconds=180)
    # A pod that has ended is there until the kubelet has tidied up.
    wait_for("the pods to go", lambda: not nginx.children("pods"), 30)
    assert {claim["metadata"]["uid"] for claim in nginx.children("persistentvolumeclaim")} == volumes
    offsets = {goal["name"]: sum(goal["offsets"].values()) for goal in nginx.status()["goals"]}
    assert all(total == nginx.status()["records"] for total in offsets.values())
    nginx.patch("/spec/suspend", False)
    nginx.wait("Ready")
    nginx.wait("FlowHealthy")


def test_after_all_of_it_results_and_index_equal_the_reference(nginx: Pipeline) -> None:
    raw = nginx.stop_traffic()
    counts = nginx.assert_results(raw, *PRESETS)
    assert all(count > 10 for count in counts.values())
    nginx.await_indexed(raw, "http://nginx-elasticsearch:9200", "test-inter")


def test_a_raised_state_version_counts_anew_by_the_new_rule(nginx: Pipeline) -> None:
    goal = {**nginx.live()["spec"]["goals"][0], "stateVersion": 2, "having": {"greaterThan": 12}}
    nginx.patch("/spec/goals/0", goal | {"window": {"size": "40s", "slide": "1s"}}, op="replace")

    def counted_anew() -> bool:
        entry = nginx.status()["goals"][0]
        return (
            entry["rule"]["window.size"] == 40
            and entry["checkpoint"] == "/checkpoint/client-rate.v2"
            and entry["state"] == "running"
            and entry.get("lag") == 0
        )

    wait_for("the goal to count anew", counted_anew, 120)
    values = [message.value or b"" for message in nginx.toolbox.topic(nginx.bootstrap, "goal1-topic")]
    assert any(b'"count":13' in value for value in values)


def test_partitions_never_shrink(nginx: Pipeline) -> None:
    with pytest.raises(CommandError, match="shrink"):
        nginx.patch("/spec/source/topic/partitions", 2)


def test_deleted_it_leaves_its_volumes_and_nothing_else(nginx: Pipeline) -> None:
    nginx.namespace.delete(PIPELINES, "nginx")

    def left() -> bool:
        kinds = "configmap,service,statefulset,deployment,replicaset,pod,poddisruptionbudget,role,rolebinding,serviceaccount"
        return not nginx.children(kinds)

    wait_for("the children to go", left, 120)
    assert len(nginx.children("persistentvolumeclaim")) == 6


def test_everything_ran_as_pod_security_restricted_wants_it(nginx: Pipeline) -> None:
    namespace = yaml.safe_load(run("kubectl", "get", "namespace", nginx.namespace.name, "-o", "yaml"))
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    events = nginx.namespace.list("events")
    assert not [one["message"] for one in events if "violates PodSecurity" in one.get("message", "")]
