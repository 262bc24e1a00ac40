"""Reads a file of Kibana's saved objects back, and says what Kibana would ask Elasticsearch for each panel and search.

It knows Lens's form and nothing of how the file was made.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

SPAN = "1m"
"""What Kibana would choose for an interval that fits the time looked at."""


@dataclass(frozen=True)
class Asked:
    """A request of one panel or search: the index, the body, and the names of its buckets' and metrics' aggregations,
    outermost first. `metrics` are by label.
    """

    title: str
    index: str
    body: dict[str, Any]
    buckets: tuple[str, ...] = ()
    metrics: tuple[tuple[str, str], ...] = ()


def saved(text: str) -> dict[tuple[str, str], dict[str, Any]]:
    """The objects of a file, by type and id."""
    objects = [json.loads(line) for line in text.splitlines()]
    return {(one["type"], one["id"]): one for one in objects}


def panels(dashboard: dict[str, Any]) -> list[dict[str, Any]]:
    """The panels of a dashboard."""
    found: list[dict[str, Any]] = json.loads(dashboard["attributes"]["panelsJSON"])
    return found


def requests(text: str) -> Iterator[Asked]:
    """Each request that the objects of a file come to."""
    objects = saved(text)
    for (kind, _), one in objects.items():
        if kind == "search":
            source = json.loads(one["attributes"]["kibanaSavedObjectMeta"]["searchSourceJSON"])
            view = _referred(objects, one["references"], source["indexRefName"])
            query = _query(source["query"])
            fields = [{"field": name} for name in one["attributes"]["columns"]]
            body = {"query": query, "size": 10, "fields": fields, "_source": False}
            yield Asked(one["attributes"]["title"], *_of_view(view, body))
        if kind == "dashboard":
            for panel in panels(one):
                if panel["type"] == "lens":
                    yield _lens(objects, panel["embeddableConfig"]["attributes"])
                else:
                    name = f"{panel['panelIndex']}:{panel['panelRefName']}"
                    assert _referred(objects, one["references"], name)["type"] == "search"


def _lens(objects: dict[tuple[str, str], dict[str, Any]], attributes: dict[str, Any]) -> Asked:
    state = attributes["state"]
    ((layer, form),) = state["datasourceStates"]["formBased"]["layers"].items()
    view = _referred(objects, attributes["references"], f"indexpattern-datasource-layer-{layer}")
    columns = {name: form["columns"][name] for name in form["columnOrder"]}
    assert columns.keys() == form["columns"].keys()
    drawn = _accessors(state["visualization"])
    assert drawn == columns.keys(), attributes["title"]
    metrics = {name: _metric(column) for name, column in columns.items() if not column["isBucketed"]}
    aggregations: dict[str, Any] = {name: one for name, one in metrics.items() if one}
    buckets = [name for name, column in columns.items() if column["isBucketed"]]
    for name in reversed(buckets):
        # What buckets are ordered by is computed at their level, too.
        by = columns[name]["params"].get("orderBy", {}).get("columnId")
        ordering = {by: metrics[by]} if by and metrics[by] else {}
        inner = aggregations | ordering
        aggregations = {name: _bucket(columns[name], columns) | ({"aggs": inner} if inner else {})}
    filters = [one["query"] for one in state["filters"] if not one["meta"]["disabled"]]
    assert not any(one["meta"]["negate"] for one in state["filters"])
    query = {"bool": {"filter": [_query(state["query"]), *filters]}}
    body = {"size": 0, "track_total_hits": True, "query": query, "aggs": aggregations}
    labels = tuple((columns[name]["label"], name) for name in metrics)
    return Asked(attributes["title"], *_of_view(view, body), tuple(buckets), labels)


def _accessors(visualization: dict[str, Any]) -> set[str]:
    """The columns that are drawn."""
    layers = visualization.get("layers", [visualization])
    found = set()
    for layer in layers:
        found |= {layer[name] for name in ("metricAccessor", "xAccessor", "splitAccessor") if name in layer}
        found |= set(layer.get("accessors", [])) | {column["columnId"] for column in layer.get("columns", [])}
    return found


def _referred(
    objects: dict[tuple[str, str], dict[str, Any]], references: list[dict[str, Any]], name: str
) -> dict[str, Any]:
    (found,) = (one for one in references if one["name"] == name)
    return objects[found["type"], found["id"]]


def _of_view(view: dict[str, Any], body: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    runtime = json.loads(view["attributes"].get("runtimeFieldMap", "{}"))
    return view["attributes"]["title"], body | ({"runtime_mappings": runtime} if runtime else {})


def _query(query: dict[str, str]) -> dict[str, Any]:
    assert query["language"] == "lucene"
    return (
        {"query_string": {"query": query["query"], "analyze_wildcard": True}} if query["query"] else {"match_all": {}}
    )


def _metric(column: dict[str, Any]) -> dict[str, Any] | None:
    """The aggregation of a metric; None for the number of documents, which each bucket has."""
    found: dict[str, Any] | None
    match column["operationType"]:
        case "count":
            assert column["sourceField"] == "___records___"
            found = None
        case "unique_count":
            found = {"cardinality": {"field": column["sourceField"], "precision_threshold": 40_000}}
        case "average":
            found = {"avg": {"field": column["sourceField"]}}
        case "percentile":
            found = {"percentiles": {"field": column["sourceField"], "percents": [column["params"]["percentile"]]}}
        case ("sum" | "min" | "max") as name:
            found = {name: {"field": column["sourceField"]}}
        case other:
            raise AssertionError(f"no translation of {other}")
    if "filter" not in column:
        return found
    return {"filter": _query(column["filter"])} | ({"aggs": {"value": found}} if found else {})


def _bucket(column: dict[str, Any], columns: dict[str, Any]) -> dict[str, Any]:
    params = column["params"]
    match column["operationType"]:
        case "date_histogram":
            span = SPAN if params["interval"] == "auto" else params["interval"]
            least = 0 if params["includeEmptyRows"] else 1
            return {"date_histogram": {"field": column["sourceField"], "fixed_interval": span, "min_doc_count": least}}
        case "filters":
            return {"filters": {"filters": {one["label"]: _query(one["input"]) for one in params["filters"]}}}
        case "terms":
            by = params["orderBy"]["columnId"]
            inner = columns[by]["operationType"]
            path = {"count": "_count", "percentile": f"{by}.{columns[by]['params'].get('percentile')}"}.get(inner, by)
            terms = {"field": column["sourceField"], "size": params["size"], "order": {path: params["orderDirection"]}}
            return {"terms": terms}
        case other:
            raise AssertionError(f"no translation of {other}")
