"""What holds of every object, whatever the pipeline."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from desired_samples import PIPELINES, UID, objects_of
from logpipeline.api import LogPipeline

OBJECTS = {name: objects_of(pipeline) for name, pipeline in PIPELINES.items()}
ALL = [pytest.param(objects, PIPELINES[name], id=name) for name, objects in OBJECTS.items()]
CONTAINER = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}


def templates(objects: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every pod that can come to be, the executors' too."""
    for item in objects:
        if item["kind"] in ("StatefulSet", "Deployment"):
            yield item["metadata"]["name"], item["spec"]["template"]
        if item["kind"] == "CronJob":
            yield item["metadata"]["name"], item["spec"]["jobTemplate"]["spec"]["template"]
        if item["kind"] == "ConfigMap" and "executor.yaml" in item["data"]:
            yield f"{item['metadata']['name']} executor", yaml.safe_load(item["data"]["executor.yaml"])


@pytest.mark.parametrize(("objects", "pipeline"), ALL)
def test_every_pod_is_restricted(objects: list[dict[str, Any]], pipeline: LogPipeline) -> None:
    for name, template in templates(objects):
        spec, security = template["spec"], template["spec"]["securityContext"]
        assert security["runAsNonRoot"], name
        assert security["runAsUser"] == security["fsGroup"] >= 1000, name
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert not spec["enableServiceLinks"], name
        assert spec["automountServiceAccountToken"] == ("serviceAccountName" in spec), name
        for container in [*spec["containers"], *spec.get("initContainers", [])]:
            assert container["securityContext"] == CONTAINER, name
            assert container["imagePullPolicy"] == "IfNotPresent", name
            mounted = {mount["name"] for mount in container["volumeMounts"]}
            assert mounted <= {volume["name"] for volume in spec["volumes"]} | {"data"}, name
        for volume in spec["volumes"]:
            assert "emptyDir" not in volume or volume["emptyDir"]["sizeLimit"], name


@pytest.mark.parametrize(("objects", "pipeline"), ALL)
def test_every_container_says_what_it_needs_and_how_it_is(objects: list[dict[str, Any]], pipeline: LogPipeline) -> None:
    for item in objects:
        for container in item["spec"]["template"]["spec"]["containers"] if "template" in item.get("spec", {}) else []:
            assert {"cpu", "memory"} <= container["resources"]["requests"].keys()
            assert "memory" in container["resources"]["limits"]
            assert {"startupProbe", "readinessProbe", "livenessProbe"} <= container.keys()


@pytest.mark.parametrize(("objects", "pipeline"), ALL)
def test_prometheus_finds_each_part_of_ours_by_the_name_of_its_port(
    objects: list[dict[str, Any]], pipeline: LogPipeline
) -> None:
    for name, template in templates(objects):
        component = template["metadata"]["labels"]["app.kubernetes.io/component"]
        (container,) = template["spec"]["containers"]
        ports = [port["containerPort"] for port in container.get("ports", []) if port["name"] == "metrics"]
        ours = (
            component in {"kafka", "connect", "goal", "lake", "alert-bridge", "console", "generator"}
            and "executor" not in name
        )
        assert len(ports) == ours, name
        # An agent listens where Prometheus asks.
        asked = [int(one["value"]) for one in container.get("env", []) if one["name"] == "KAFKA_METRICS_PORT"]
        assert asked == (ports if component in {"kafka", "connect"} else []), name


@pytest.mark.parametrize(("objects", "pipeline"), ALL)
def test_every_object_is_named_labelled_and_owned(objects: list[dict[str, Any]], pipeline: LogPipeline) -> None:
    for item in objects:
        metadata = item["metadata"]
        # A claim is named after its volume and its pod, and may be longer than a label.
        assert re.fullmatch(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?", metadata["name"]) or item["kind"].endswith("Claim")
        assert metadata["namespace"] == "logs"
        instance = "logpipeline.dev/pipeline" if item["kind"].endswith("Claim") else "app.kubernetes.io/instance"
        assert metadata["labels"][instance] == pipeline.name
        assert metadata["labels"]["app.kubernetes.io/managed-by"] == "logpipeline-operator"
        kept = item["kind"] == "PersistentVolumeClaim" and pipeline.spec.delete_policy == "Retain"
        assert [owner["uid"] for owner in metadata.get("ownerReferences", [])] == ([] if kept else [UID])
    named = [(item["kind"], item["metadata"]["name"]) for item in objects]
    assert len(set(named)) == len(named)


@pytest.mark.parametrize(("objects", "pipeline"), ALL)
def test_a_selector_finds_its_own_pods_and_no_others(objects: list[dict[str, Any]], pipeline: LogPipeline) -> None:
    pods = {name: template["metadata"]["labels"] for name, template in templates(objects)}
    for item in objects:
        if item["kind"] in ("StatefulSet", "Deployment"):
            wanted = item["spec"]["selector"]["matchLabels"].items()
            assert [name for name, labels in pods.items() if wanted <= labels.items()] == [item["metadata"]["name"]]
        if item["kind"] == "Service":
            assert any(item["spec"]["selector"].items() <= labels.items() for labels in pods.values())


@pytest.mark.parametrize(("objects", "pipeline"), ALL)
def test_what_is_mounted_is_there(objects: list[dict[str, Any]], pipeline: LogPipeline) -> None:
    there = {(item["kind"], item["metadata"]["name"]) for item in objects}
    external = pipeline.spec.kafka.external
    for name, template in templates(objects):
        for volume in template["spec"]["volumes"]:
            if "configMap" in volume:
                assert ("ConfigMap", volume["configMap"]["name"]) in there, name
            if "persistentVolumeClaim" in volume:
                assert ("PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"]) in there, name
            if volume["name"] == "kafka-secret":
                assert external is not None and external.security.secret_ref is not None
                assert volume["secret"]["secretName"] == external.security.secret_ref.name


@pytest.mark.parametrize("name", PIPELINES)
def test_the_same_pipeline_is_the_same_objects(name: str) -> None:
    before = copy.deepcopy(PIPELINES[name])
    again = objects_of(PIPELINES[name])
    assert json.dumps(again) == json.dumps(OBJECTS[name])
    assert PIPELINES[name] == before


@pytest.mark.parametrize(("objects", "pipeline"), ALL)
def test_nothing_is_written_that_the_server_leaves_out(objects: list[dict[str, Any]], pipeline: LogPipeline) -> None:
    def empty(value: Any, path: str) -> Iterator[str]:
        if value is None or value in ("", []):
            yield path
        elif isinstance(value, dict):
            for key, item in value.items():
                yield from empty(item, f"{path}.{key}")
        elif isinstance(value, list):
            for item in value:
                # The core API group has no name.
                yield from empty(item, path) if item != "" else ()

    assert not [fault for item in objects for fault in empty(item, item["metadata"]["name"])]
