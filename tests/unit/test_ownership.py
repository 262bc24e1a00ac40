"""What is not the pipeline's own is never written and never deleted; a condition says whose it is."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from desired_samples import UID, a_resource, objects_of
from logpipeline_operator.cluster.cache import Cache
from logpipeline_operator.cluster.client import CONFLICT, ApiError
from logpipeline_operator.cluster.kinds import Document, Kind, ObjectKey, PipelineKey, key_of, pipeline_of
from logpipeline_operator.ownership import taken_findings
from logpipeline_operator.writing import Writer, Written

KEY = PipelineKey("logs", "web")
SPEC: dict[str, Any] = {
    "kafka": {"managed": {}},
    "goals": [{"name": "a", "preset": "client-rate"}, {"name": "b", "preset": "client-rate"}],
    "spark": {"executors": 1},
    "console": {},
}
PIPELINE = a_resource(SPEC)


class Server:
    """Objects by kind and name, and what the requests that the operator uses do to them."""

    def __init__(self) -> None:
        self.objects: dict[ObjectKey, Document] = {}
        self.version = 1
        self.writes: list[ObjectKey] = []

    def put(self, document: Document) -> Document:
        self.version += 1
        key = key_of(document)
        stored = copy.deepcopy(document)
        stored["metadata"].setdefault(
            "uid", self.objects.get(key, {}).get("metadata", {}).get("uid", f"u-{self.version}")
        )
        stored["metadata"]["resourceVersion"] = str(self.version)
        self.objects[key] = stored
        return copy.deepcopy(stored)

    def get(self, kind: Kind, _namespace: str, name: str) -> Document | None:
        return copy.deepcopy(self.objects.get(ObjectKey(kind.name, name)))

    def create(self, _kind: Kind, document: Document) -> Document | None:
        if key_of(document) in self.objects:
            return None
        self.writes.append(key_of(document))
        return self.put(document)

    def apply(self, _kind: Kind, document: Document) -> Document:
        live = self.objects.get(key_of(document))
        if live is None or document["metadata"].get("uid") != live["metadata"]["uid"]:
            raise ApiError(CONFLICT, "Conflict", "uid mismatch")
        self.writes.append(key_of(document))
        return self.put(document)

    def delete(self, kind: Kind, _namespace: str, name: str, uid: str) -> None:
        assert self.objects[ObjectKey(kind.name, name)]["metadata"]["uid"] == uid
        self.writes.append(ObjectKey(kind.name, name))
        del self.objects[ObjectKey(kind.name, name)]


class World:
    """A server and an operator; `watched` is what its watches have told."""

    def __init__(self) -> None:
        self.server, self.cache = Server(), Cache()
        self.writer = Writer(self.server, self.cache)  # type: ignore[arg-type]

    def watch(self) -> None:
        for document in self.server.objects.values():
            self.cache.put(copy.deepcopy(document))

    def write(self, uid: str = UID, **spec: Any) -> Written:
        pipeline = a_resource({**SPEC, **spec}, uid=uid)
        return self.writer.write(objects_of(pipeline), KEY, uid, keep_volumes=pipeline.spec.delete_policy == "Retain")


def named(kind: str, name: str, uid: str = UID) -> Document:
    """The desired object of that kind and name."""
    (found,) = (each for each in objects_of(a_resource(SPEC, uid=uid)) if key_of(each) == ObjectKey(kind, name))
    return copy.deepcopy(found)


def foreign(kind: str, name: str, **metadata: Any) -> Document:
    """Somebody else's object with the name of one of ours."""
    return {**named(kind, name), "metadata": {"name": name, "namespace": "logs", **metadata}}


def owner(kind: str, name: str, uid: str = "u-other") -> list[dict[str, Any]]:
    return [{"apiVersion": "v1", "kind": kind, "name": name, "uid": uid, "controller": True}]


LIKE_OURS = named("ConfigMap", "web-goal-a")["metadata"]["labels"]
HELM = {"app.kubernetes.io/managed-by": "Helm", "app.kubernetes.io/instance": "shop"}
MANAGED = [{"manager": "kubectl-create", "operation": "Update"}]
# An object that is there before the pipeline, what the condition says of it, and the workloads that wait for its name.
TAKEN: dict[str, tuple[Document, str, set[str]]] = {
    "a ConfigMap of nobody": (
        foreign("ConfigMap", "web-console", managedFields=MANAGED),
        "ConfigMap web-console has no owner and was written by kubectl-create",
        {"web-console"},
    ),
    "a Service of a Helm release": (
        foreign("Service", "web-kafka-bootstrap", labels=HELM),
        "Service web-kafka-bootstrap is managed by Helm (shop)",
        {"web-kafka"},
    ),
    "a Role of another controller: the account is that of all goals": (
        foreign("Role", "web-goals", ownerReferences=owner("Other", "thing")),
        "Role web-goals belongs to Other thing",
        {"web-goal-a", "web-goal-b"},
    ),
    "another pipeline's goal": (
        foreign("StatefulSet", "web-goal-b", ownerReferences=owner("LogPipeline", "web-goal")),
        "StatefulSet web-goal-b belongs to LogPipeline web-goal",
        {"web-goal-b"},
    ),
    "with our labels and without an owner": (
        foreign("ConfigMap", "web-goal-a", labels=LIKE_OURS),
        "ConfigMap web-goal-a has no owner",
        {"web-goal-a"},
    ),
    "a volume of another's StatefulSet": (
        foreign("PersistentVolumeClaim", "data-web-kafka-0", labels={"app.kubernetes.io/instance": "web"}),
        "PersistentVolumeClaim data-web-kafka-0 has no owner",
        {"web-kafka"},
    ),
    "another pipeline's retained volume": (
        foreign(
            "PersistentVolumeClaim",
            "checkpoint-web-goal-b-0",
            labels={"app.kubernetes.io/managed-by": "logpipeline-operator", "logpipeline.dev/pipeline": "web-goal"},
        ),
        "PersistentVolumeClaim checkpoint-web-goal-b-0 was kept for LogPipeline web-goal",
        {"web-goal-b"},
    ),
}
WORKLOADS = {each["metadata"]["name"] for each in objects_of(PIPELINE) if each["kind"] in ("StatefulSet", "Deployment")}


@pytest.mark.parametrize("watched", [False, True], ids=["not watched", "watched"])
@pytest.mark.parametrize("name", TAKEN)
def test_what_is_anothers_is_not_written_and_the_condition_says_whose_it_is(name: str, watched: bool) -> None:
    document, says, waiting = TAKEN[name]
    world = World()
    before = world.server.put(document)
    if watched:
        world.watch()
    for _ in range(2):
        written = world.write()
        assert world.server.objects[key_of(document)] == before
        (finding,) = taken_findings(written.taken, KEY)
        assert (finding.status, finding.reason) == ("False", "NameTaken")
        assert finding.message.startswith(says)
        assert not written.failures
    running = {key.name for key, each in world.server.objects.items() if "template" in each.get("spec", {})}
    assert running - {document["metadata"]["name"]} == WORKLOADS - waiting
    # The rest is there, and nothing is written twice.
    assert len(world.server.writes) == len(set(world.server.writes))
    # Without the pipeline it stays.
    world.write(console=None)
    assert world.server.objects[key_of(document)] == before


def test_when_the_name_is_free_the_pipeline_is_made_whole() -> None:
    world = World()
    world.server.put(foreign("ConfigMap", "web-console"))
    assert world.write().taken
    del world.server.objects[ObjectKey("ConfigMap", "web-console")]
    assert not world.write().taken
    assert set(world.server.objects) == {key_of(each) for each in objects_of(PIPELINE)}


def test_a_pipeline_that_is_made_again_takes_its_volumes_back_and_waits_for_the_rest_to_go() -> None:
    world = World()
    world.write(uid="first")
    before = copy.deepcopy(world.server.objects)
    written = world.write(uid="second")
    (finding,) = taken_findings(written.taken, KEY)
    assert (finding.status, finding.reason) == ("False", "Creating")
    claims = {key for key in before if key.kind == "PersistentVolumeClaim"}
    assert {key for key in before if world.server.objects[key] != before[key]} == set()
    # The garbage collector deletes what has an owner.
    for key in before.keys() - claims:
        world.cache.drop(world.server.objects.pop(key))
    assert not world.write(uid="second").taken
    assert world.server.objects.keys() == before.keys()
    for key, document in world.server.objects.items():
        same = document["metadata"]["uid"] == before[key]["metadata"]["uid"]
        assert same == (key in claims)


def test_a_child_whose_labels_were_taken_off_is_still_ours() -> None:
    world = World()
    world.write()
    key = ObjectKey("Service", "web-kafka-bootstrap")
    world.cache.drop(copy.deepcopy(world.server.objects[key]))
    world.server.objects[key]["metadata"]["labels"] = {}
    assert not world.write().taken
    assert world.server.objects[key]["metadata"]["labels"] == named("Service", key.name)["metadata"]["labels"]


def test_a_volume_that_the_brokers_own_controller_has_made_is_ours() -> None:
    world = World()
    world.write()
    key = ObjectKey("PersistentVolumeClaim", "data-web-kafka-0")
    claim = world.server.objects.pop(key)
    world.cache.drop(copy.deepcopy(claim))
    selector = world.server.objects[ObjectKey("StatefulSet", "web-kafka")]["spec"]["selector"]["matchLabels"]
    world.server.put({**claim, "metadata": {"name": key.name, "namespace": "logs", "labels": dict(selector)}})
    assert not world.write().taken
    assert world.server.objects[key]["metadata"]["labels"]["logpipeline.dev/pipeline"] == "web"


def test_claims_are_found_by_a_label_that_no_other_tool_looks_for() -> None:
    (claim,) = (each for each in objects_of(PIPELINE) if each["metadata"]["name"] == "checkpoint-web-goal-a-0")
    labels = claim["metadata"]["labels"]
    assert "app.kubernetes.io/instance" not in labels
    assert "ownerReferences" not in claim["metadata"]
    assert pipeline_of(claim) == KEY
    earlier = {"app.kubernetes.io/managed-by": "logpipeline-operator", "app.kubernetes.io/instance": "web"}
    assert pipeline_of({**claim, "metadata": {**claim["metadata"], "labels": earlier}}) == KEY


def test_a_goals_service_selects_its_driver_alone() -> None:
    objects = objects_of(PIPELINE)
    (service,) = (each for each in objects if key_of(each) == ObjectKey("Service", "web-goal-a"))
    (workload,) = (each for each in objects if key_of(each) == ObjectKey("StatefulSet", "web-goal-a"))
    selector = service["spec"]["selector"].items()
    assert selector <= workload["spec"]["template"]["metadata"]["labels"].items()
    executor = {**workload["spec"]["template"]["metadata"]["labels"], "logpipeline.dev/role": "executor"}
    assert not selector <= executor.items()
