"""The table of what a change does, held against the objects that the operator applies."""

from __future__ import annotations

import copy
from functools import cache
from typing import Any

import pytest

from desired_samples import EVERYTHING, EXTERNAL, a_resource, objects_of
from logpipeline.api.changes import CHANGES, Kind

# Rows whose edit is told elsewhere: what is removed or stopped has no pods to compare.
ELSEWHERE = {"suspend", "goals[].name", "sink"}
# A generator writes plain JSON alone.
BASES = {"everything": EVERYTHING, "external": EXTERNAL, "no generator": {**EVERYTHING, "source": {}}}
# By path: the new value.
IMAGE, RESOURCES, POD = "example.org/other:2", {"limits": {"memory": "4Gi"}}, {"labels": {"team": "other"}}
EDITS: dict[str, Any] = {
    "deletePolicy": "Retain",
    "source.topic.partitions": 8,
    "source.topic.retention": "2d",
    "source.format": "combined",
    "source.fields": {"host": "vhost"},
    "source.timestamp": {"field": "time"},
    "source.allowedLateness": "7s",
    "source.maxFutureSkew": "7m",
    "source.idlePartitionTimeout": "7s",
    "source.invalidTopic.name": "other",
    "source.generator": {"seed": 7},
    "kafka.managed.port": 9999,
    "kafka.managed.config": {"log.segment.bytes": "2097152"},
    "kafka.managed.storage.size": "9Gi",
    "kafka.external.bootstrapServers": "other:9093",
    "kafka.external.pipelineName": "other",
    "kafka.external.security": {"protocol": "SASL_PLAINTEXT", "secretRef": {"name": "kafka-login"}},
    "goals[].having": {"greaterThan": 7},
    "goals[].emit": "final",
    "goals[].topic.name": "other",
    "goals[].stateVersion": 2,
    "goals[].startFrom": "latest",
    "goals[].alert": {"severity": "critical"},
    "spark.trigger": "7s",
    "spark.maxRecordsPerBatch": 7000,
    "spark.executors": 7,
    "spark.executorResources": RESOURCES,
    "spark.conf": {"spark.hadoop.fs.s3a.endpoint": "s3"},
    "spark.checkpoint.storage.size": "9Gi",
    "spark.checkpoint.secretRef": {"name": "other"},
    "sink.elasticsearch.managed.storage.size": "9Gi",
    "sink.elasticsearch.managed.port": 9999,
    "sink.elasticsearch.managed.kibana": {"image": IMAGE},
    "sink.elasticsearch.external.url": "https://other:9200",
    "sink.elasticsearch.external.secretRef": {"name": "other"},
    "sink.elasticsearch.index": "other",
    "sink.elasticsearch.retention": "7d",
    "sink.connect.replicas": 3,
    "sink.connect.tasksMax": 7,
    "sink.connect.port": 9999,
    "sink.connect.connectorClass": "org.example.Sink",
    "sink.connect.config": {"flush.timeout.ms": "7"},
    "sink.deadLetterTopic.name": "other",
    "alerting": {"alertmanager": {"url": "http://other:9093"}},
    "alerting.topic": "other",
    "lake": {"trigger": "7s"},
    "lake.tables": {"raw": {"retention": "7d"}},
    "lake.tables.statuses": {"retention": "3d"},
    "lake.storage.size": "9Gi",
    "reports": [{"name": "daily", "schedule": "@hourly"}, {"name": "by-week", "schedule": "@weekly", "window": "7d"}],
    "console": {"image": IMAGE},
    "networkPolicy": {"enabled": False},
}
for workload in ("kafka.managed", "spark", "sink.elasticsearch.managed", "sink.connect"):
    EDITS |= {f"{workload}.image": IMAGE, f"{workload}.resources": RESOURCES, f"{workload}.pod": POD}
for topic in ("source.invalidTopic", "goals[].topic", "sink.deadLetterTopic"):
    EDITS |= {f"{topic}.partitions": 8, f"{topic}.retention": "2d"}

ROWS = {row.path: row for row in CHANGES if row.kind in (Kind.HOT, Kind.ROLLING) and row.path not in ELSEWHERE}
PODS = {
    "every goal": "goal",
    "the goal": "goal",
    **{
        name: name
        for name in ("kafka", "generator", "connect", "elasticsearch", "kibana", "alert-bridge", "lake", "console")
    },
}


def edited(spec: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    result = copy.deepcopy(spec)
    node: Any = result
    *parents, last = path.split(".")
    for part in parents:
        node = node["goals"][0] if part == "goals[]" else node.setdefault(part, {})
    node[last] = value
    return result


def templates(spec: dict[str, Any]) -> dict[tuple[str, str], Any]:
    """The pod templates of all workloads, by component and name."""
    return {
        (item["metadata"]["labels"]["app.kubernetes.io/component"], item["metadata"]["name"]): item["spec"]["template"]
        for item in objects_of(a_resource(spec))
        if "template" in item.get("spec", {})
    }


@cache
def templates_of(base: str) -> dict[tuple[str, str], Any]:
    return templates(BASES[base])


def test_every_row_has_an_edit() -> None:
    assert set(EDITS) == set(ROWS)


@pytest.mark.parametrize("path", ROWS)
def test_an_edit_restarts_what_its_row_names(path: str) -> None:
    row = ROWS[path]
    plain_json = path in ("source.format", "source.fields", "source.timestamp")
    on_store = path == "spark.checkpoint.secretRef"
    base = "external" if on_store or "external" in path else "no generator" if plain_json else "everything"
    before, after = templates_of(base), templates(edited(BASES[base], path, EDITS[path]))
    assert before.keys() == after.keys()
    restarted = {key for key in before if before[key] != after[key]}
    named = (
        {PODS[component] for component in row.components if component in PODS} if row.kind is Kind.ROLLING else set()
    )
    assert {component for component, _ in restarted} == named
    if "the goal" in row.components and row.kind is Kind.ROLLING:
        assert [name for component, name in restarted if component == "goal"] == ["web-goal-client-rate"]
