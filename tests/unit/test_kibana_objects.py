"""Kibana's saved objects of a pipeline: whole in themselves, and the same as long as the resource is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from logpipeline.api import LogPipeline
from logpipeline.elastic.template import mappings
from logpipeline.kibana.objects import ndjson, saved_objects
from pipelines import a_pipeline

PRESETS = [{"name": name, "preset": name} for name in ("client-rate", "host-errors", "country-success", "host-latency")]
TENANTS: dict[str, Any] = {
    "name": "tenants",
    "groupBy": ["tenant.name", "host"],
    "window": {"size": "60s"},
    "aggregate": {"sum": {"field": "tenant.cost"}},
}
# It reads the number `status` as text, which no other panel could bear.
TEXT: dict[str, Any] = {
    "name": "text",
    "groupBy": ["host"],
    "window": {"size": "60s"},
    "aggregate": {"count": {}},
    "where": [{"field": "status", "prefix": "4"}],
}
PIPELINES = {
    "presets": a_pipeline(goals=PRESETS),
    "fields of one's own": a_pipeline(goals=[*PRESETS, TENANTS]),
    "text for a number": a_pipeline(goals=[PRESETS[0], TEXT]),
    "dated": a_pipeline(sink={"elasticsearch": {"managed": {}, "retention": "7d"}}),
}
EVERY = pytest.mark.parametrize("pipeline", PIPELINES.values(), ids=PIPELINES)


def panels(objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(objects[-1]["attributes"]["panelsJSON"])
    return found


def columns(panel: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if panel["type"] == "lens":
        state = panel["embeddableConfig"]["attributes"]["state"]
        for layer in state["datasourceStates"]["formBased"]["layers"].values():
            yield from layer["columns"].values()


@EVERY
def test_what_is_referred_to_is_there_and_of_a_form_that_kibana_8_and_9_read(pipeline: LogPipeline) -> None:
    objects = saved_objects(pipeline)
    known: set[tuple[str, str]] = set()
    for one in objects:
        # An object refers to those before it.
        assert {(reference["type"], reference["id"]) for reference in one["references"]} <= known
        known.add((one["type"], one["id"]))
        assert one["coreMigrationVersion"] == "8.8.0"
        assert (
            one["typeMigrationVersion"]
            == {"index-pattern": "8.0.0", "search": "8.0.0", "dashboard": "10.2.0"}[one["type"]]
        )
    view = objects[0]["attributes"]
    assert (view["title"], view["timeFieldName"]) == (pipeline.index(), "@timestamp")
    for search in objects[1:-1]:
        source = json.loads(search["attributes"]["kibanaSavedObjectMeta"]["searchSourceJSON"])
        assert [reference["name"] for reference in search["references"]] == [source["indexRefName"]]
        assert set(search["attributes"]["columns"]) <= mappings()["properties"].keys()
    outer = {reference["name"] for reference in objects[-1]["references"]}
    inner = set()
    for panel in panels(objects):
        if panel["type"] == "search":
            inner.add(f"{panel['panelIndex']}:{panel['panelRefName']}")
        else:
            names = [one["name"] for one in panel["embeddableConfig"]["attributes"]["references"]]
            inner |= {f"{panel['panelIndex']}:{name}" for name in names}
    assert inner == outer


@EVERY
def test_panels_lie_side_by_side_and_look_at_fields_that_are_there(pipeline: LogPipeline) -> None:
    objects = saved_objects(pipeline)
    runtime = json.loads(objects[0]["attributes"].get("runtimeFieldMap", "{}"))
    assert runtime.keys().isdisjoint(mappings()["properties"])
    taken: set[tuple[int, int]] = set()
    for panel in panels(objects):
        grid = panel["gridData"]
        assert grid["i"] == panel["panelIndex"]
        assert grid["x"] + grid["w"] <= 48
        cells = {
            (x, y) for x in range(grid["x"], grid["x"] + grid["w"]) for y in range(grid["y"], grid["y"] + grid["h"])
        }
        assert not cells & taken
        taken |= cells
        fields = {column["sourceField"] for column in columns(panel) if "sourceField" in column}
        assert fields <= mappings()["properties"].keys() | runtime.keys() | {"___records___"}


@pytest.mark.parametrize(
    ("name", "goals"),
    [
        ("presets", ["client-rate", "host-errors", "country-success", "host-latency"]),
        ("fields of one's own", ["client-rate", "host-errors", "country-success", "host-latency", "tenants"]),
        ("text for a number", ["client-rate"]),
    ],
)
def test_each_goal_has_its_panels(name: str, goals: list[str]) -> None:
    ids = [panel["panelIndex"] for panel in panels(saved_objects(PIPELINES[name]))]
    of_goals = [f"{goal}-{kind}" for goal in goals for kind in ("time", "most")]
    assert ids == ["records", "clients", "errors", "slowest", "classes", *of_goals, "search"]


def test_the_latency_of_a_host_is_told_as_mean_and_percentiles() -> None:
    found = {panel["panelIndex"]: list(columns(panel)) for panel in panels(saved_objects(PIPELINES["presets"]))}
    operations = [(one["operationType"], one["params"].get("percentile")) for one in found["host-latency-most"][1:]]
    assert operations == [
        ("average", None),
        ("percentile", 50),
        ("percentile", 95),
        ("percentile", 99),
        ("count", None),
    ]


def test_the_mark_changes_with_the_resource_and_with_nothing_else() -> None:
    def description(pipeline: LogPipeline) -> str:
        return str(saved_objects(pipeline)[-1]["attributes"]["description"])

    same = a_pipeline(goals=PRESETS)
    assert ndjson(saved_objects(same)) == ndjson(saved_objects(PIPELINES["presets"]))
    assert description(same) != description(PIPELINES["fields of one's own"])
