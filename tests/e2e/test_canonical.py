"""What is desired is what the API server stores: a second apply writes nothing, and nothing is stored otherwise."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from desired_samples import PIPELINES, a_resource, objects_of
from kubectl import Namespace, call
from logpipeline_operator.cluster.compare import differences
from logpipeline_operator.desired import Stage, suspended


@pytest.fixture(scope="module")
def namespace(new_namespace: Callable[[str], Namespace]) -> Namespace:
    return new_namespace("canonical")


def _apply(objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Apply objects as the operator does, and return what is stored then."""
    given = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    done = call(
        "kubectl", "apply", "--server-side", "--field-manager=test", "--validate=strict", "--output=json",
        "--filename=-", given=given,
    )  # fmt: skip
    # A warning would be one of Pod Security, or of a field that is no more.
    assert (done.returncode, done.stderr) == (0, "")
    stored: list[dict[str, Any]] = json.loads(done.stdout)["items"]
    return stored


@pytest.mark.parametrize("name", PIPELINES)
def test_a_second_apply_writes_nothing(namespace: Namespace, name: str) -> None:
    given = PIPELINES[name]
    # Without an owner, who is not there; without pods, for this is about what is stored.
    pipeline = a_resource(given.document()["spec"], name=given.name, namespace=namespace.name, uid="")
    objects = suspended(objects_of(pipeline), Stage.ALL_STOPPED)
    versions: list[str] = []
    # Controllers write a status and bind volumes in between: after that, nobody does.
    for _ in range(10):
        stored = _apply(objects)
        faults = {
            item["metadata"]["name"]: found
            for item, live in zip(objects, stored, strict=True)
            if (found := differences(item, live))
        }
        assert not faults
        before, versions = versions, [live["metadata"]["resourceVersion"] for live in stored]
        if before == versions:
            return
        time.sleep(1)
    written = [item["kind"] for item, old, new in zip(objects, before, versions, strict=True) if old != new]
    pytest.fail(f"still writing: {written}")
