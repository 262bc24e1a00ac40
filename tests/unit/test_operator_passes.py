"""A pass whatever goes wrong in it: the rest is written, and the status says what was not."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from desired_samples import EXTERNAL
from logpipeline.api import parse
from logpipeline_operator.canary import Canary, is_canary
from logpipeline_operator.cluster.cache import Cache
from logpipeline_operator.cluster.client import ApiError
from logpipeline_operator.cluster.kinds import Kind, PipelineKey
from logpipeline_operator.controller import Controller
from logpipeline_operator.creations import Creations
from logpipeline_operator.observations import Observations
from logpipeline_operator.pipelines import Pipelines
from logpipeline_operator.reconcile import Reconciler
from logpipeline_operator.report import Reporter
from logpipeline_operator.resync import Resync
from logpipeline_operator.secrets import Secrets
from logpipeline_operator.settings import Settings

KEY = PipelineKey("logs", "web")
GOAL = {"name": "client-rate", "preset": "client-rate"}
MANAGED = {"kafka": {"managed": {"replicas": 3}}, "goals": [GOAL]}
FORBIDDEN = ApiError(403, "Forbidden", "not allowed")
Document = dict[str, Any]


def resource(spec: Document, **metadata: Any) -> Document:
    head = {"namespace": KEY.namespace, "name": KEY.name, "uid": "u-1", "generation": 1, "resourceVersion": "1"}
    document = {"apiVersion": "logpipeline.dev/v1alpha1", "kind": "LogPipeline", "metadata": {**head, **metadata}}
    return {**document, "spec": parse({**document, "spec": spec}).document()["spec"]}


class ApiServer:
    """Stores what is applied; `refuses` says what it refuses, which a real one does not do on demand."""

    def __init__(self) -> None:
        self.version = 100
        self.pipeline: Document = {}
        self.objects: dict[tuple[str, str], Document] = {}
        self.secrets: dict[str, Document] = {}
        self.statuses: list[Document] = []
        self.told: list[Document] = []
        self.refuses: Callable[[str, str], bool] = lambda _verb, _what: False
        self.before_status: Callable[[], None] = lambda: None

    def _ask(self, verb: str, what: str) -> str:
        if self.refuses(verb, what):
            raise FORBIDDEN
        self.version += 1
        return str(self.version)

    def apply(self, kind: Kind, document: Document) -> Document:
        version = self._ask("apply", f"{kind.name}/{document['metadata']['name']}")
        metadata = {**document["metadata"], "resourceVersion": version, "generation": 1, "uid": f"u-{version}"}
        stored = {**copy.deepcopy(document), "metadata": metadata}
        self.objects[kind.name, metadata["name"]] = stored
        return copy.deepcopy(stored)

    def create(self, kind: Kind, document: Document) -> Document:
        return self.apply(kind, document)

    def delete(self, kind: Kind, _namespace: str, name: str, _uid: str) -> None:
        self._ask("delete", f"{kind.name}/{name}")

    def create_secret(self, document: Document) -> None:
        self._ask("create", f"Secret/{document['metadata']['name']}")
        self.secrets[document["metadata"]["name"]] = document

    def secret(self, _namespace: str, name: str) -> Document | None:
        self._ask("get", f"Secret/{name}")
        if name.endswith(("-connect-rest", "-goals-spark")):
            return copy.deepcopy(self.secrets.get(name))
        return {"data": {"username": "dQ==", "password": "cA==", "token": "dA=="}}

    def apply_status(self, _namespace: str, _name: str, _uid: str, status: Document) -> Document:
        self.before_status()
        self.statuses.append(status)
        self.pipeline = copy.deepcopy({**self.pipeline, "status": status})
        self.pipeline["metadata"]["resourceVersion"] = self._ask("apply", "status")
        return copy.deepcopy(self.pipeline)

    def events(self, _namespace: str, _uid: str) -> list[Document]:
        return self.told

    def create_event(self, _namespace: str, _event: Document) -> None:
        """Events are not looked at here."""


class World:
    """An operator without threads on a fake API server."""

    def __init__(self, spec: Document, **metadata: Any) -> None:
        self.server: Any = ApiServer()
        self.server.pipeline = resource(spec, **metadata)
        self.pipelines, self.cache = Pipelines(), Cache()
        self.controller = Controller((), self.pipelines, self.cache, None)
        self.controller.scope_listed("")
        observations = Observations(lambda _: None, self.controller.queue.add, share=1)
        reporter = Reporter(self.server, self.pipelines, self.controller.queue.add, "operator-0")
        self.reconciler = Reconciler(
            self.server,
            self.pipelines,
            self.cache,
            Secrets(self.server),
            Settings(),
            observations,
            Creations(self.server),
            reporter,
        )
        self.controller.pipeline_seen(copy.deepcopy(self.server.pipeline))

    def reconcile(self) -> None:
        self.reconciler.reconcile(KEY)

    def put(self, kind: str, name: str, api_version: str = "v1", **document: Any) -> None:
        """Let an object of the user's be there, with the labels of the pipeline."""
        labels = {"app.kubernetes.io/managed-by": "logpipeline-operator", "app.kubernetes.io/instance": KEY.name}
        metadata = {"namespace": KEY.namespace, "name": name, "uid": name, "resourceVersion": "50", "labels": labels}
        metadata |= document.pop("metadata", {})
        self.cache.put({"apiVersion": api_version, "kind": kind, "metadata": metadata, **document})

    @property
    def progressing(self) -> Document:
        conditions: list[Document] = self.server.statuses[-1]["conditions"]
        return next(one for one in conditions if one["type"] == "Progressing")


def test_a_change_that_arrives_while_the_status_is_written_gets_a_pass() -> None:
    world = World(MANAGED)
    assert world.controller.queue.take() == KEY

    def change() -> None:
        world.server.pipeline = resource({**MANAGED, "suspend": True}, generation=2)

    world.server.before_status = change
    world.reconcile()
    edited = copy.deepcopy(world.server.pipeline)
    edited["metadata"]["resourceVersion"] = "99"  # its own watch event comes after the answer
    world.controller.pipeline_seen(edited)
    world.controller.queue.done(KEY, failed=False)
    assert world.controller.queue.depth() == 1


def test_a_broker_that_may_not_be_restarted_does_not_hold_up_the_status() -> None:
    world = World(MANAGED)
    world.reconcile()
    (brokers,) = (
        item for (kind, name), item in world.server.objects.items() if (kind, name) == ("StatefulSet", "web-kafka")
    )
    brokers["status"] = {"observedGeneration": 1, "updateRevision": "new", "replicas": 3}
    world.cache.put(copy.deepcopy({**brokers, "metadata": {**brokers["metadata"], "resourceVersion": "500"}}))
    labels = {**brokers["spec"]["selector"]["matchLabels"], "controller-revision-hash": "old"}
    labels |= {"app.kubernetes.io/managed-by": "logpipeline-operator"}
    owner = {"kind": "StatefulSet", "name": "web-kafka", "uid": brokers["metadata"]["uid"], "controller": True}
    for number in range(3):
        metadata = {"labels": labels, "ownerReferences": [owner], "creationTimestamp": "2026-03-01T12:00:00Z"}
        world.put("Pod", f"web-kafka-{number}", metadata=metadata, status={})
    # A copy for debugging keeps the labels and is no broker.
    world.put("Pod", "web-kafka-debug", metadata={"labels": labels, "creationTimestamp": "2026-03-01T12:00:00Z"})
    world.server.refuses = lambda verb, what: (verb, what) == ("delete", "Pod/web-kafka-0")
    written = len(world.server.statuses)
    with pytest.raises(ApiError):
        world.reconcile()
    assert len(world.server.statuses) == written + 1
    assert (world.progressing["reason"], world.progressing["message"]) == ("ApplyFailed", "not allowed")


def test_a_secret_that_cannot_be_read_holds_up_only_what_mounts_it() -> None:
    world = World({**EXTERNAL, "kafka": {"managed": {}}})
    world.server.refuses = lambda verb, what: (verb, what) == ("get", "Secret/es-login")
    with pytest.raises(ApiError):
        world.reconcile()
    created = {name for kind, name in world.server.objects if kind in ("StatefulSet", "Deployment")}
    assert "web-kafka" in created
    assert "web-goal-client-rate" in created
    assert not {name for _, name in world.server.objects if "connect" in name}
    said = world.progressing
    assert (said["reason"], said["message"]) == ("ApplyFailed", "the Secret 'es-login' cannot be read: not allowed")
    world.server.refuses = lambda _verb, _what: False
    world.reconciler._secrets._kept.clear()
    world.reconcile()
    assert {name for kind, name in world.server.objects if kind == "Deployment"} >= {"web-connect"}


def test_a_claim_of_the_users_with_our_labels_is_no_obstacle() -> None:
    world = World(MANAGED)
    world.put("PersistentVolumeClaim", "scratch", spec={})
    world.reconcile()
    assert len(world.server.statuses) == 1


@pytest.mark.parametrize(
    ("name", "labels", "canary"),
    [
        ("web", {"logpipeline.dev/canary": "true"}, False),
        ("logpipeline-canary", {}, False),
        ("logpipeline-canary", {"logpipeline.dev/canary": "true"}, True),
    ],
)
def test_a_label_alone_makes_no_canary(name: str, labels: dict[str, str], canary: bool) -> None:
    assert is_canary({"metadata": {"name": name, "labels": labels}}) is canary


def test_only_the_watch_proves_the_watch_alive() -> None:
    now = 0.0
    server: Any = ApiServer()
    canary = Canary(server, "system", clock=lambda: now)
    pipelines, cache = Pipelines(), Cache()
    controller = Controller((), pipelines, cache, canary)
    document = {
        **canary._document(),
        "metadata": {**canary._document()["metadata"], "resourceVersion": "7", "uid": "c"},
    }
    server.list = lambda kind, *_: ([copy.deepcopy(document)] if kind.name == "LogPipeline" else [], "9")
    now = 200.0
    canary.beat()
    Resync(server, controller, pipelines, cache, 60).begin()
    assert canary.silent() is not None
    controller.pipeline_seen(copy.deepcopy(document))
    assert canary.silent() is None
    assert pipelines.all() == []
