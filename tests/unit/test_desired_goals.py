"""Goals on a cluster, with and without executors."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from desired_samples import ERRORS, EVERYTHING, EXTERNAL, GOAL, a_resource, objects_of, one, template_of
from logpipeline.api import parse

TWO = {**EVERYTHING, "spark": {}, "deletePolicy": "Retain"}


READERS = {"web-alert-bridge", "web-console"}


def arguments(objects: list[dict[str, Any]], goal: str = "client-rate") -> list[str]:
    args: list[str] = template_of(objects, f"web-goal-{goal}")["spec"]["containers"][0]["args"]
    return args


def option(args: list[str], name: str) -> str:
    return args[args.index(name) + 1]


def test_a_goal_reads_only_what_is_its_own() -> None:
    objects = objects_of(a_resource(TWO))
    document = yaml.safe_load(one(objects, "ConfigMap", "web-goal-client-rate")["data"]["pipeline.yaml"])
    assert [goal.name for goal in parse(document).spec.goals] == ["client-rate"]
    args = arguments(objects)
    assert option(args, "--goal") == "client-rate"
    assert option(args, "--bootstrap-servers") == "web-kafka-bootstrap.logs.svc.cluster.local:9092"
    assert option(args, "--checkpoints") == "/checkpoint"


def test_one_goal_tells_of_invalid_records() -> None:
    objects = objects_of(a_resource(TWO))
    assert "--report-invalid" in arguments(objects)
    assert "--no-report-invalid" in arguments(objects, "host-errors")


def test_state_on_a_volume_or_in_a_folder_of_the_pipelines_own() -> None:
    volumes = template_of(objects_of(a_resource(TWO)), "web-goal-client-rate")["spec"]["volumes"]
    claim = {"name": "checkpoint", "persistentVolumeClaim": {"claimName": "checkpoint-web-goal-client-rate-0"}}
    assert claim in volumes
    objects = objects_of(a_resource({**TWO, "spark": {"checkpoint": {"uri": "s3a://bucket/c/"}}}))
    assert option(arguments(objects), "--checkpoints") == "s3a://bucket/c/logs/web"
    assert not [item for item in objects if item["metadata"]["name"].startswith("checkpoint-")]


@pytest.mark.parametrize(
    ("edit", "rolled"),
    [
        ({"goals": [{**GOAL, "having": {"greaterThan": 9}}, ERRORS]}, {"web-goal-client-rate", *READERS}),
        ({"goals": [{**GOAL, "stateVersion": 2}, ERRORS]}, {"web-goal-client-rate", "web-alert-bridge"}),
        ({"goals": [GOAL, ERRORS, {"name": "host-latency", "preset": "host-latency"}]}, {"web-console", "web-lake"}),
        ({"goals": [GOAL]}, {*READERS, "web-lake"}),
        ({"source": {"generator": {"ratePerSecond": 500}}}, {"web-generator"}),
        ({"source": {"generator": EVERYTHING["source"]["generator"], "topic": {"retention": "1h"}}}, set()),
        ({"deletePolicy": "Delete"}, set()),
        ({"sink": {**EVERYTHING["sink"], "connect": {**EVERYTHING["sink"]["connect"], "tasksMax": 5}}}, set()),
        ({"sink": {**EVERYTHING["sink"], "connect": {**EVERYTHING["sink"]["connect"], "replicas": 3}}}, set()),
        ({"sink": {**EVERYTHING["sink"], "connect": {**EVERYTHING["sink"]["connect"], "config": {"a": "b"}}}}, set()),
        ({"spark": {"checkpoint": {"storage": {"size": "5Gi"}}}}, set()),
        ({"spark": {"trigger": "5s"}}, {"web-goal-client-rate", "web-goal-host-errors"}),
    ],
)
def test_an_edit_rolls_what_it_is_about_and_nothing_else(edit: dict[str, Any], rolled: set[str]) -> None:
    def templates(spec: dict[str, Any]) -> dict[str, Any]:
        objects = objects_of(a_resource(spec))
        return {
            item["metadata"]["name"]: item["spec"]["template"] for item in objects if "template" in item.get("spec", {})
        }

    before, after = templates(TWO), templates({**TWO, **edit})
    assert {name for name in before.keys() & after.keys() if before[name] != after[name]} == rolled


def test_a_rotated_secret_rolls_what_mounts_it() -> None:
    from logpipeline_operator.desired import SecretFacts

    def templates(digest: str) -> dict[str, Any]:
        facts = SecretFacts(frozenset({"username", "password"}), digest)
        objects = objects_of(a_resource(EXTERNAL), secrets={"kafka-login": facts})
        return {
            item["metadata"]["name"]: item["spec"]["template"] for item in objects if "template" in item.get("spec", {})
        }

    before, after = templates("1"), templates("2")
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"web-goal-client-rate", "web-connect", "web-generator", "web-lake", *READERS}


def test_executors_are_restricted_pods_on_the_drivers_node_with_what_it_mounts() -> None:
    objects = objects_of(a_resource(EVERYTHING))
    pod = yaml.safe_load(one(objects, "ConfigMap", "web-goal-client-rate")["data"]["executor.yaml"])
    assert pod["metadata"]["labels"]["logpipeline.dev/role"] == "executor"
    (container,) = pod["spec"]["containers"]
    assert (container["name"], container["command"]) == ("executor", ["spark-executor"])
    assert {"name": "checkpoint", "mountPath": "/checkpoint"} in container["volumeMounts"]
    (beside,) = pod["spec"]["affinity"]["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert beside["labelSelector"]["matchLabels"]["logpipeline.dev/role"] == "driver"
    # The user's own affinity stays.
    assert "nodeAffinity" in pod["spec"]["affinity"]


def test_driver_and_executors_have_the_same_secret_by_reference() -> None:
    objects = objects_of(a_resource(EVERYTHING))
    pods = [
        template_of(objects, "web-goal-client-rate")["spec"],
        yaml.safe_load(one(objects, "ConfigMap", "web-goal-client-rate")["data"]["executor.yaml"])["spec"],
    ]
    for pod in pods:
        (volume,) = [each for each in pod["volumes"] if each["name"] == "spark-secret"]
        assert volume["secret"]["secretName"] == "web-goals-spark"
        (mount,) = [each for each in pod["containers"][0]["volumeMounts"] if each["name"] == "spark-secret"]
        assert (mount["mountPath"], mount["readOnly"]) == ("/etc/logpipeline/spark-secret", True)
    assert option(arguments(objects), "--executor-secret") == "/etc/logpipeline/spark-secret/secret"
    alone = template_of(objects_of(a_resource(TWO)), "web-goal-client-rate")["spec"]
    assert not [each for each in alone["volumes"] if each["name"] == "spark-secret"]


def test_the_keys_of_a_store_of_checkpoints_are_mounted_and_named_by_their_folder() -> None:
    objects = objects_of(a_resource(EXTERNAL))
    executor = yaml.safe_load(one(objects, "ConfigMap", "web-goal-client-rate")["data"]["executor.yaml"])["spec"]
    for pod in (template_of(objects, "web-goal-client-rate")["spec"], executor):
        (volume,) = [each for each in pod["volumes"] if each["name"] == "checkpoint-secret"]
        assert volume["secret"]["secretName"] == "checkpoint-keys"
    assert option(arguments(objects), "--checkpoint-secret") == "/etc/logpipeline/checkpoint-secret"


def test_executors_whose_state_is_everywhere_run_anywhere() -> None:
    objects = objects_of(a_resource(EXTERNAL))
    pod = yaml.safe_load(one(objects, "ConfigMap", "web-goal-client-rate")["data"]["executor.yaml"])
    assert "affinity" not in pod["spec"]
    assert "topologySpreadConstraints" in pod["spec"]


def test_a_driver_of_executors_may_handle_pods_and_nothing_else() -> None:
    objects = objects_of(a_resource(EVERYTHING))
    (rule,) = one(objects, "Role", "web-goals")["rules"]
    assert (rule["apiGroups"], rule["resources"]) == ([""], ["pods"])
    assert template_of(objects, "web-goal-client-rate")["spec"]["serviceAccountName"] == "web-goals"
    args = arguments(objects)
    assert (option(args, "--executors"), option(args, "--executor-image")) == ("2", "example.org/mine:1")
    assert not [item for item in objects_of(a_resource(TWO)) if item["metadata"]["name"] == "web-goals"]
