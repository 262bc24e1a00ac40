"""A pipeline on the cluster, and what must hold of it."""

from __future__ import annotations

import copy
import json
import time
from typing import Any

from kubectl import Namespace, wait_for
from messages import Message
from reference import Reference, assert_live_results
from toolbox import Toolbox, allowed, settled

PIPELINES = "logpipelines.logpipeline.dev"
LATENESS = 5
COUNT = {"count": {}}
# What the presets are, said once more for the reference, which shares nothing with the product.
PRESETS: dict[str, dict[str, Any]] = {
    "client-rate": {"groupBy": ["client_ip"], "size": 20, "slide": 1, "aggregate": COUNT, "having": 10},
    "host-errors": {
        "where": [{"field": "status", "between": [400, 499]}],
        "groupBy": ["host"], "size": 30, "slide": 1, "aggregate": COUNT, "having": 15,
    },
    "country-success": {
        "where": [{"field": "status", "between": [200, 299]}],
        "groupBy": ["country"], "size": 60, "slide": 60, "aggregate": COUNT,
    },
    "host-latency": {"groupBy": ["host"], "size": 60, "slide": 60, "aggregate": {"avg": {"field": "request_time"}}},
}  # fmt: skip
EARLY = {"client-rate", "host-errors"}


def resource(name: str, *goals: str, **spec: Any) -> dict[str, Any]:
    """A pipeline with presets as goals, and fields of its spec replaced."""
    defaults: dict[str, Any] = {
        "source": {"topic": {"partitions": 4}, "allowedLateness": f"{LATENESS}s", "generator": {"ratePerSecond": 100}},
        "kafka": {"managed": {"storage": {"size": "1Gi"}}},
        "spark": {"trigger": "2s"},
        "goals": [{"name": goal, "preset": goal} for goal in goals],
    }
    return {
        "apiVersion": "logpipeline.dev/v1alpha1",
        "kind": "LogPipeline",
        "metadata": {"name": name},
        "spec": copy.deepcopy({**defaults, **spec}),
    }


class Pipeline:
    """One resource and what it became."""

    def __init__(self, namespace: Namespace, document: dict[str, Any]) -> None:
        self.namespace = namespace
        self.document = document
        document["spec"].setdefault("networkPolicy", allowed())
        self.name = document["metadata"]["name"]
        self.bootstrap = f"{self.name}-kafka-bootstrap:9092"
        self._toolbox: Toolbox | None = None

    @property
    def toolbox(self) -> Toolbox:
        self._toolbox = self._toolbox or Toolbox(self.namespace)
        return self._toolbox

    def apply(self) -> None:
        self.namespace.apply(self.document)

    def patch(self, path: str, value: Any, op: str = "add") -> None:
        """Set the value at a path such as /spec/suspend; an element of a list with `op` replace."""
        self.namespace.patch(PIPELINES, self.name, [{"op": op, "path": path, "value": value}], form="json")

    def live(self) -> dict[str, Any]:
        document = self.namespace.get(PIPELINES, self.name)
        assert document is not None
        return document

    def status(self) -> dict[str, Any]:
        return self.live().get("status", {})

    def condition(self, kind: str) -> dict[str, Any]:
        found = [one for one in self.status().get("conditions", []) if one["type"] == kind]
        return found[0] if found else {"status": "Unknown", "reason": "", "message": ""}

    def wait(self, kind: str, status: str = "True", reason: str | None = None, *, seconds: float = 180) -> float:
        """Wait for a condition about the newest spec; returns the seconds it took."""
        began = time.monotonic()

        def holds() -> bool:
            live = self.live()
            if live.get("status", {}).get("observedGeneration") != live["metadata"]["generation"]:
                return False
            found = self.condition(kind)
            return found["status"] == status and reason in (None, found["reason"])

        try:
            wait_for(f"{kind}={status}", holds, seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}; the status is {json.dumps(self.status(), indent=1)}") from error
        return time.monotonic() - began

    def children(self, kind: str) -> list[dict[str, Any]]:
        if kind == "persistentvolumeclaim":
            return self.namespace.list(kind, f"logpipeline.dev/pipeline={self.name}")
        return self.namespace.list(kind, f"app.kubernetes.io/instance={self.name}")

    def pods(self, component: str) -> list[dict[str, Any]]:
        labels = f"app.kubernetes.io/instance={self.name},app.kubernetes.io/component={component}"
        return self.namespace.list("pods", labels)

    def topic(self, use: str) -> str:
        """The name of the topic `raw`, `invalid`, or of a goal."""
        spec = self.document["spec"]
        if use == "raw":
            return spec["source"]["topic"].get("name", f"{self.name_on_kafka}.raw")
        given = next((goal.get("topic", {}) for goal in spec["goals"] if goal["name"] == use), {})
        return given.get("name", f"{self.name_on_kafka}.{use}")

    @property
    def name_on_kafka(self) -> str:
        """What its topics are called after: of a Kafka that is not its own, the namespace is a part of it."""
        return f"{self.namespace.name}.{self.name}" if "external" in self.document["spec"]["kafka"] else self.name

    def stop_traffic(self) -> list[Message]:
        """Take the generator away, wait until the goals have read everything, and return the raw records."""
        if "generator" in self.live()["spec"]["source"]:
            self.namespace.patch(
                PIPELINES, self.name, [{"op": "remove", "path": "/spec/source/generator"}], form="json"
            )
        wait_for("the generator to go", lambda: not self.pods("generator"), 60)
        raw = settled(self.toolbox, self.bootstrap, self.topic("raw"))
        ends: dict[str, int] = {}
        for message in raw:
            ends[str(message.partition)] = message.offset + 1
        names = {goal["name"] for goal in self.document["spec"]["goals"]}

        def all_read() -> bool:
            goals = {goal["name"]: goal for goal in self.status().get("goals", [])}
            return goals.keys() == names and all(goal.get("offsets") == ends for goal in goals.values())

        wait_for(f"the goals to read up to {ends}", all_read, 120, every=2)
        return raw

    def await_indexed(self, raw: list[Message], elasticsearch: str, index: str) -> None:
        """Wait until each raw record is a document, or stands among the dead letters."""

        def outcome() -> tuple[int, int]:
            dead = self.toolbox.dead_letters(self.bootstrap, f"{self.name_on_kafka}.sink-dead-letters")
            return self.toolbox.count(elasticsearch, index), len(dead)

        try:
            wait_for(f"{len(raw)} records to be indexed", lambda: sum(outcome()) == len(raw), 60, every=2)
        except AssertionError as error:
            raise AssertionError(f"{error}; documents and dead letters: {outcome()}") from error

    def assert_results(self, raw: list[Message], *goals: str) -> dict[str, int]:
        """Demand of the result topics what the reference finds in the raw topic; returns how many results each has."""
        reference = Reference(raw)
        counts = {}
        for goal in goals or PRESETS:
            values = [message.value for message in settled(self.toolbox, self.bootstrap, self.topic(goal))]
            counts[goal] = assert_live_results(reference, values, PRESETS[goal], early=goal in EARLY, lateness=LATENESS)
        return counts
