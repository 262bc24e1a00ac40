"""What is desired is what the API server stores: a second apply writes nothing, and nothing is stored otherwise."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client, config
from kubernetes.dynamic import DynamicClient

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))
from desired_samples import PIPELINES, a_resource, objects_of
from logpipeline_operator.desired import Stage, suspended

_NAMESPACE = "desired-try"


@pytest.fixture(scope="module")
def cluster() -> Iterator[DynamicClient]:
    config.load_kube_config()
    core = client.CoreV1Api()
    labels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
    core.create_namespace({"metadata": {"name": _NAMESPACE, "labels": labels}})
    try:
        yield DynamicClient(client.ApiClient())
    finally:
        core.delete_namespace(_NAMESPACE)


def _differences(desired: Any, live: Any, path: str = "") -> list[str]:
    """Where `desired` is not part of `live`, lists compared item by item."""
    if isinstance(desired, dict) and isinstance(live, dict):
        missing = [f"{path}.{key} is not stored" for key in desired if key not in live]
        return missing + [
            fault for key in desired if key in live for fault in _differences(desired[key], live[key], f"{path}.{key}")
        ]
    if isinstance(desired, list) and isinstance(live, list):
        if len(desired) != len(live):
            return [f"{path}: {len(desired)} items, {len(live)} stored"]
        return [
            fault
            for index, (one, other) in enumerate(zip(desired, live, strict=True))
            for fault in _differences(one, other, f"{path}[{index}]")
        ]
    return [] if desired == live and type(desired) is type(live) else [f"{path}: {desired!r}, stored {live!r}"]


def _apply(cluster: DynamicClient, item: dict[str, Any]) -> dict[str, Any]:
    kind = cluster.resources.get(api_version=item["apiVersion"], kind=item["kind"])
    return kind.server_side_apply(
        body=item, name=item["metadata"]["name"], namespace=_NAMESPACE, field_manager="test", field_validation="Strict"
    ).to_dict()


@pytest.mark.parametrize("name", PIPELINES)
def test_a_second_apply_writes_nothing(cluster: DynamicClient, name: str) -> None:
    given = PIPELINES[name]
    spec = given.model_dump(mode="json", by_alias=True, exclude_none=True)["spec"]
    # Without an owner, who is not there; without pods, for this is about what is stored.
    pipeline = a_resource(spec, name=given.name, namespace=_NAMESPACE, uid="")
    objects = suspended(objects_of(pipeline), Stage.ALL_STOPPED)
    versions: list[str] = []
    # Controllers write a status and bind volumes in between: after that, nobody does.
    for _ in range(10):
        stored = [_apply(cluster, item) for item in objects]
        faults = [
            f"{item['kind']} {item['metadata']['name']}{fault}"
            for item, live in zip(objects, stored, strict=True)
            for fault in _differences(item, live)
        ]
        assert not faults
        before, versions = versions, [live["metadata"]["resourceVersion"] for live in stored]
        if before == versions:
            return
        time.sleep(1)
    pytest.fail(
        f"still writing {[item['kind'] for item, a, b in zip(objects, before, versions, strict=True) if a != b]}"
    )
