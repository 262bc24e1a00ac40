"""What a pass writes: only what is not as desired."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from logpipeline_operator.cluster.compare import differences
from logpipeline_operator.cluster.kinds import ObjectKey, PipelineKey, key_of
from logpipeline_operator.ownership import Ownership
from logpipeline_operator.plan import HASH_ANNOTATION, plan

UID = "u-1"
OWNERS = [
    {"apiVersion": "logpipeline.dev/v1alpha1", "kind": "LogPipeline", "name": "web", "uid": UID, "controller": True}
]
OURS = Ownership(PipelineKey("n", "web"), UID)

# What we want, what is there, and where they differ.
COMPARED: dict[str, tuple[Any, Any, list[str]]] = {
    "equal": ({"a": 1}, {"a": 1}, []),
    "defaults of the API server are not ours": ({"a": {"b": 1}}, {"a": {"b": 1, "c": 2}, "status": {}}, []),
    "another value": ({"a": {"b": 1}}, {"a": {"b": 2}}, ["a.b"]),
    "a number is not its text": ({"a": 1}, {"a": "1"}, ["a"]),
    "a missing object": ({"a": {"b": 1}}, {}, ["a"]),
    "an empty object may be left out": ({"a": {}, "b": []}, {}, []),
    "containers merge by name": (
        {"containers": [{"name": "x", "image": "i"}]},
        {"containers": [{"name": "sidecar"}, {"name": "x", "image": "i", "imagePullPolicy": "Always"}]},
        [],
    ),
    "an edited container": (
        {"containers": [{"name": "x", "image": "i"}]},
        {"containers": [{"name": "x", "image": "j"}]},
        ["containers[x].image"],
    ),
    "arguments have an order": (
        {"containers": [{"name": "x", "args": ["a", "b"]}]},
        {"containers": [{"name": "x", "args": ["b", "a"]}]},
        ["containers[x].args[0]", "containers[x].args[1]"],
    ),
    "one argument more": ({"args": ["a"]}, {"args": ["a", "b"]}, ["args"]),
    "ports of a service merge by port": (
        {"spec": {"ports": [{"port": 1, "targetPort": 2}]}},
        {"spec": {"ports": [{"port": 1, "targetPort": 3, "protocol": "TCP"}]}},
        ["spec.ports[1].targetPort"],
    ),
    "ports of a network policy do not merge": (
        {"spec": {"ingress": [{"ports": [{"port": 1, "protocol": "TCP"}]}]}},
        {"spec": {"ingress": [{"ports": [{"port": 1, "protocol": "TCP"}, {"port": 2, "protocol": "TCP"}]}]}},
        ["spec.ingress[0].ports"],
    ),
    "a peer that others added": (
        {"spec": {"ingress": [{"from": [{"podSelector": {}}]}]}},
        {"spec": {"ingress": [{"from": [{"podSelector": {}}, {"namespaceSelector": {}}]}]}},
        ["spec.ingress[0].from"],
    ),
}


@pytest.mark.parametrize("name", COMPARED)
def test_differences(name: str) -> None:
    desired, live, expected = COMPARED[name]
    assert differences(desired, live) == expected


def child(kind: str = "ConfigMap", name: str = "web-x", *, owned: bool = True, **fields: Any) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name, "namespace": "n", "labels": {"l": "1"}}
    if owned:
        metadata["ownerReferences"] = OWNERS
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, **fields}


def applied(*documents: dict[str, Any]) -> dict[ObjectKey, dict[str, Any]]:
    """The live objects after a first pass."""
    first = plan(documents, {}, OURS, keep_volumes=True)
    live = copy.deepcopy([document for document, _ in first.apply])
    for document in live:
        document["metadata"]["uid"] = f"uid of {document['metadata']['name']}"
    return {key_of(document): document for document in live}


def test_a_second_pass_writes_nothing() -> None:
    wanted = [child(data={"a": "1"}), child("Service", spec={"ports": [{"port": 1}]})]
    live = applied(*wanted)
    assert len(live) == 2
    assert not plan(wanted, live, OURS, keep_volumes=True)


def test_an_edit_by_others_is_taken_back() -> None:
    wanted = [child(data={"a": "1"})]
    live = applied(*wanted)
    live[ObjectKey("ConfigMap", "web-x")]["data"]["a"] = "2"
    ((document, paths),) = plan(wanted, live, OURS, keep_volumes=True).apply
    assert (document["data"], paths) == ({"a": "1"}, ["data.a"])


def test_what_we_no_longer_want_of_an_object_goes() -> None:
    live = applied(child(data={"a": "1", "b": "2"}))
    ((document, paths),) = plan([child(data={"a": "1"})], live, OURS, keep_volumes=True).apply
    assert document["data"] == {"a": "1"}
    assert paths == [f"metadata.annotations.{HASH_ANNOTATION}"]


# What is there beside the desired, whether volumes are kept, and whether it is deleted.
PRUNED: dict[str, tuple[dict[str, Any], bool, bool]] = {
    "a child that is not desired any more": (child(name="old"), True, True),
    "somebody else's, with our labels": (child(name="old", owned=False), True, False),
    "a volume, kept": (child("PersistentVolumeClaim", "old"), True, False),
    "a volume, not kept": (child("PersistentVolumeClaim", "old"), False, True),
    "a pod, which its StatefulSet looks after": (child("Pod", "old"), True, False),
}


@pytest.mark.parametrize("name", PRUNED)
def test_pruning(name: str) -> None:
    document, keep_volumes, deleted = PRUNED[name]
    found = plan([], {key_of(document): document}, OURS, keep_volumes=keep_volumes)
    assert found.delete == ([document] if deleted else [])


def test_fields_that_cannot_change_stay_as_they_are() -> None:
    template = [{"metadata": {"name": "data"}, "spec": {"resources": {"requests": {"storage": "1Gi"}}}}]
    live = applied(child("StatefulSet", spec={"replicas": 1, "volumeClaimTemplates": template}))
    grown = copy.deepcopy(template)
    grown[0]["spec"]["resources"]["requests"]["storage"] = "2Gi"
    wanted = child("StatefulSet", spec={"replicas": 3, "volumeClaimTemplates": grown})
    ((document, _),) = plan([wanted], live, OURS, keep_volumes=True).apply
    assert document["spec"] == {"replicas": 3, "volumeClaimTemplates": template}
