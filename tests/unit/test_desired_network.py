"""Who gets in where, by the NetworkPolicies of a pipeline (a network that enforces them: tests/e2e/test_network.py)."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from desired_samples import EVERYTHING, EXTERNAL, PIPELINES, a_resource, objects_of, one
from logpipeline.api.network import NetworkPolicies
from logpipeline_operator.settings import OperatorPods, Settings

Labels = dict[str, str]
OPERATOR = OperatorPods("system", {"app.kubernetes.io/name": "lpo", "app.kubernetes.io/instance": "release"})
PROMETHEUS = {"app.kubernetes.io/name": "prometheus"}
FOREIGN = {"app": "shell"}


def objects(spec: dict[str, Any] = EVERYTHING, **allow: Any) -> list[dict[str, Any]]:
    return objects_of(
        a_resource({**spec, "networkPolicy": {"allow": allow}}, name="all"), settings=Settings(operator=OPERATOR)
    )


def pods_of(items: list[dict[str, Any]]) -> dict[str, Labels]:
    """The labels of the pods of each workload, and of executors."""
    found = {}
    for item in items:
        spec = item.get("spec", {})
        for workload in (spec, spec.get("jobTemplate", {}).get("spec", {})):
            if "template" in workload:
                found[item["metadata"]["name"].removeprefix("all-")] = workload["template"]["metadata"]["labels"]
        if item["kind"] == "ConfigMap" and "executor.yaml" in item["data"]:
            template = yaml.safe_load(item["data"]["executor.yaml"])
            found[f"{item['metadata']['name'].removeprefix('all-')} executor"] = template["metadata"]["labels"]
    return found


def selects(selector: dict[str, Any], labels: Labels) -> bool:
    assert selector.keys() <= {"matchLabels"}
    return bool(selector.get("matchLabels", {}).items() <= labels.items())


def admits(items: list[dict[str, Any]], target: Labels, port: int, source: Labels, namespace: str = "logs") -> bool:
    """Whether the policies let a pod connect, by the rules of Kubernetes: the target is in the namespace `logs`."""
    policies = [item["spec"] for item in items if item["kind"] == "NetworkPolicy"]
    chosen = [policy for policy in policies if selects(policy["podSelector"], target)]
    assert chosen, "a pod that no policy selects is open to everybody"
    names = {"kubernetes.io/metadata.name": namespace}

    def is_peer(peer: dict[str, Any]) -> bool:
        there = selects(peer["namespaceSelector"], names) if "namespaceSelector" in peer else namespace == "logs"
        return there and selects(peer.get("podSelector", {}), source)

    rules = [rule for policy in chosen for rule in policy.get("ingress", [])]
    assert all(rule["from"] for rule in rules), "a rule without peers admits everybody"
    return any(is_peer(peer) for rule in rules if port in [p["port"] for p in rule["ports"]] for peer in rule["from"])


ITEMS = objects()
PODS = pods_of(ITEMS)
READERS = {"alert-bridge", "console"}
GOALS = {"goal-client-rate", "goal-host-errors"}
EXECUTORS = {f"{goal} executor" for goal in GOALS}
# By port of a workload: the pods of the pipeline that get in, and whether the operator and Prometheus do.
OPEN: dict[tuple[str, int], tuple[set[str], bool, bool]] = {
    ("kafka", 9092): (GOALS | EXECUTORS | READERS | {"kafka", "connect", "generator", "lake"}, True, False),
    ("kafka", 9093): ({"kafka"}, False, False),
    ("kafka", 9407): (set(), False, True),
    ("connect", 8083): ({"connect", "console"}, True, False),
    ("connect", 9408): (set(), False, True),
    ("elasticsearch", 9200): ({"connect", "console", "kibana"}, True, False),
    ("elasticsearch", 9300): (set(), False, False),
    ("kibana", 5601): (set(), True, False),
    ("goal-client-rate", 9405): (READERS, True, True),
    ("goal-client-rate", 7078): ({"goal-client-rate", "goal-client-rate executor"}, False, False),
    ("goal-client-rate executor", 7079): ({"goal-client-rate", "goal-client-rate executor"}, False, False),
    ("lake", 9410): ({"console"}, True, True),
    ("alert-bridge", 9406): ({"console"}, False, True),
    ("console", 8080): (set(), False, False),
    ("console", 9409): (set(), False, True),
    ("generator", 9404): (set(), False, True),
}


@pytest.mark.parametrize(("workload", "port"), OPEN)
def test_only_those_who_work_with_a_port_reach_it(workload: str, port: int) -> None:
    own, operator, prometheus = OPEN[workload, port]
    target = PODS[workload]
    assert {name for name, labels in PODS.items() if admits(ITEMS, target, port, labels)} == own
    assert admits(ITEMS, target, port, dict(OPERATOR.labels), "system") == operator
    assert admits(ITEMS, target, port, PROMETHEUS, "monitoring") == prometheus
    # Neither a stranger, nor who has the labels in another namespace, nor another pipeline.
    assert not admits(ITEMS, target, port, FOREIGN)
    assert not admits(ITEMS, target, port, dict(OPERATOR.labels), "elsewhere")
    for labels in PODS.values():
        assert not admits(ITEMS, target, port, labels, "elsewhere")
        assert not admits(ITEMS, target, port, {**labels, "app.kubernetes.io/instance": "other"})


@pytest.mark.parametrize("name", PIPELINES)
def test_every_pod_has_a_policy_and_every_policy_pods(name: str) -> None:
    items = objects_of(PIPELINES[name])
    pods = list(pods_of(items).values())
    policies = [item["spec"]["podSelector"] for item in items if item["kind"] == "NetworkPolicy"]
    assert all(sum(selects(policy, labels) for policy in policies) == 1 for labels in pods)
    assert all(any(selects(policy, labels) for labels in pods) for policy in policies)


@pytest.mark.parametrize(
    ("allowed", "workload", "port"),
    [("kafka", "kafka", 9092), ("elasticsearch", "elasticsearch", 9200), ("kibana", "kibana", 5601),
     ("console", "console", 8080), ("metrics", "goal-host-errors", 9405)],
)  # fmt: skip
def test_the_resource_lets_others_in(allowed: str, workload: str, port: int) -> None:
    peer = {"namespaceSelector": {}, "podSelector": {"matchLabels": FOREIGN}}
    items = objects(**{allowed: [peer]})
    assert [pod for pod in PODS if admits(items, PODS[pod], port, FOREIGN, "elsewhere")] == (
        [workload] if allowed != "metrics" else [pod for pod in PODS if pod.startswith("goal")]
    )


def test_peers_reach_the_policy_in_kubernetes_words() -> None:
    peers = [
        {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}},
        {"podSelector": {}},
        {"namespaceSelector": {"matchExpressions": [{"key": "team", "operator": "In", "values": ["web"]}]}},
    ]
    policy = one(objects(kafka=peers), "NetworkPolicy", "all-kafka")
    assert policy["spec"]["ingress"][0]["from"][-3:] == peers


def test_no_metrics_for_anybody_is_no_rule_for_everybody() -> None:
    policy = one(objects(metrics=[]), "NetworkPolicy", "all-generator")
    assert "ingress" not in policy["spec"]
    assert policy["spec"]["policyTypes"] == ["Ingress"]


def test_ports_are_those_of_the_resource() -> None:
    spec = {
        **EVERYTHING,
        "kafka": {"managed": {"port": 1111}},
        "sink": {"elasticsearch": {"managed": {"port": 2222}}, "connect": {"port": 3333}},
    }
    items = objects(spec)
    for name, port in (("kafka", 1111), ("elasticsearch", 2222), ("connect", 3333)):
        assert one(items, "NetworkPolicy", f"all-{name}")["spec"]["ingress"][0]["ports"][0]["port"] == port


@pytest.mark.parametrize("spec", [EVERYTHING, EXTERNAL], ids=["managed", "external"])
def test_a_resource_switches_them_off(spec: dict[str, Any]) -> None:
    items = objects_of(a_resource({**spec, "networkPolicy": {"enabled": False}}))
    assert [item for item in items if item["kind"] == "NetworkPolicy"] == []


BAD = {
    "no peer": ({}, "a peer is either an ipBlock"),
    "two kinds": ({"ipBlock": {"cidr": "10.0.0.0/8"}, "podSelector": {}}, "a peer is either an ipBlock"),
    "no range": ({"ipBlock": {"cidr": "10.0.0.0/33"}}, "is not a CIDR"),
    "outside": ({"ipBlock": {"cidr": "10.0.0.0/8", "except": ["11.0.0.0/16"]}}, "is not within '10.0.0.0/8'"),
    "key": ({"podSelector": {"matchLabels": {"a b": "c"}}}, "'a b' is not the key of a label"),
    "value": ({"podSelector": {"matchLabels": {"a": "b c"}}}, "'b c' is not the value of a label"),
    "values": ({"podSelector": {"matchExpressions": [{"key": "a", "operator": "In"}]}}, "In and NotIn take values"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_peer_that_kubernetes_would_refuse_is_refused_here(name: str) -> None:
    peer, says = BAD[name]
    with pytest.raises(ValueError, match=says):
        NetworkPolicies.model_validate({"allow": {"kafka": [peer]}})
