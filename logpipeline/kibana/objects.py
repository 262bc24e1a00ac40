"""From a pipeline to Kibana's saved objects: what people ask of the raw records, with the questions of its goals. Pure.

They are good for Kibana 8.19 and 9: each says the lowest version of its form that needs no migration of old, and Kibana
brings it up to its own at import.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from logpipeline.api import LogPipeline
from logpipeline.elastic.evidence import counted
from logpipeline.elastic.template import INDEXED
from logpipeline.kibana.lens import TIME_FIELD, WHOLE_WIDTH, Panel, lens, reference_name
from logpipeline.kibana.panels import ERRORS, OVERVIEW, goal_panels
from logpipeline.rules import Rule, rule_of

_COLUMNS = ["client_ip", "method", "path", "status", "request_time", "host", "country"]
_SEARCH_HEIGHT = 14


def data_view_id(index: str) -> str:
    """Return the id of the data view of an index; links to records go by it."""
    return f"logpipeline-{index}"


def saved_objects(pipeline: LogPipeline) -> list[dict[str, Any]]:
    """Return the saved objects of a pipeline with a sink, in the order in which they refer to each other.

    Their ids follow from the index, so an import replaces those of before. The dashboard's description ends with
    `mark`, by which it is known whether they are those.
    """
    view = data_view_id(pipeline.index())
    rules = [rule for rule in map(rule_of, pipeline.spec.goals) if not _shadows(rule)]
    runtime = {field: kind for rule in rules for field, kind in _runtime(rule).items()}
    types = {**INDEXED, **runtime}
    panels = [*OVERVIEW, *(panel for rule in rules for panel in goal_panels(rule))]
    objects = [
        _data_view(view, pipeline.index(), runtime),
        _search(f"{view}-records", f"{pipeline.name}: all records", "", view),
        _search(f"{view}-errors", f"{pipeline.name}: errors", ERRORS, view),
        _dashboard(pipeline, view, panels, types),
    ]
    objects[-1]["attributes"]["description"] += f" {mark(objects)}"
    return objects


def ndjson(objects: list[dict[str, Any]]) -> str:
    """Return the file that Kibana imports: an object a line."""
    return "".join(json.dumps(one, sort_keys=True, separators=(",", ":")) + "\n" for one in objects)


def mark(objects: list[dict[str, Any]]) -> str:
    """Return a word that differs where the objects do."""
    return f"[{hashlib.sha256(ndjson(objects).encode()).hexdigest()[:12]}]"


def _runtime(rule: Rule) -> dict[str, str]:
    """Return the fields of a rule that are not indexed, and as what they are read from the records."""
    _, _, runtime = counted(rule)
    kinds = {field: "keyword" for field in rule.group_by if field not in INDEXED}
    return kinds | {field: kind["type"] for field, kind in runtime.items()}


def _shadows(rule: Rule) -> bool:
    """Whether a rule reads an indexed field as another type: all other panels would see it so too."""
    return not _runtime(rule).keys().isdisjoint(INDEXED)


def _data_view(view: str, index: str, runtime: Mapping[str, str]) -> dict[str, Any]:
    attributes = {"title": index, "name": index, "timeFieldName": TIME_FIELD}
    if runtime:
        attributes["runtimeFieldMap"] = _text({field: {"type": kind} for field, kind in runtime.items()})
    return _object("index-pattern", view, "8.0.0", attributes, [])


def _search(name: str, title: str, query: str, view: str) -> dict[str, Any]:
    reference = "kibanaSavedObjectMeta.searchSourceJSON.index"
    source = {"query": {"query": query, "language": "lucene"}, "filter": [], "indexRefName": reference}
    attributes = {
        "title": title,
        "description": "",
        "columns": _COLUMNS,
        "sort": [[TIME_FIELD, "desc"]],
        "kibanaSavedObjectMeta": {"searchSourceJSON": _text(source)},
    }
    return _object("search", name, "8.0.0", attributes, [{"type": "index-pattern", "id": view, "name": reference}])


def _panel(panel: Panel, view: str, types: Mapping[str, str]) -> dict[str, Any]:
    return {
        "type": "lens",
        "title": panel.title,
        "panelIndex": panel.id,
        "embeddableConfig": {"attributes": lens(panel, view, types), "enhancements": {}},
    }


def _dashboard(pipeline: LogPipeline, view: str, panels: list[Panel], types: Mapping[str, str]) -> dict[str, Any]:
    x = y = row = 0
    placed = []
    for panel in panels:
        if x + panel.width > WHOLE_WIDTH:
            x, y, row = 0, y + row, 0
        grid = {"x": x, "y": y, "w": panel.width, "h": panel.height, "i": panel.id}
        placed.append({**_panel(panel, view, types), "gridData": grid})
        x, row = x + panel.width, max(row, panel.height)
    references = [
        {"type": "index-pattern", "id": view, "name": f"{panel.id}:{reference_name(f'{panel.id}-layer')}"}
        for panel in panels
    ]
    grid = {"x": 0, "y": y + row, "w": WHOLE_WIDTH, "h": _SEARCH_HEIGHT, "i": "search"}
    search = {"type": "search", "panelIndex": "search", "panelRefName": "panel_search", "gridData": grid}
    placed.append({**search, "embeddableConfig": {"enhancements": {}}})
    references.append({"type": "search", "id": f"{view}-errors", "name": "search:panel_search"})
    options = {"useMargins": True, "syncColors": True, "syncCursor": True, "syncTooltips": False}
    attributes = {
        "title": f"{pipeline.name}: access log",
        "description": "Made by LogPipeline, and made anew when the resource changes: save your own changes as a copy.",
        "timeRestore": True,
        "timeFrom": "now-1h",
        "timeTo": "now",
        "refreshInterval": {"pause": False, "value": 10_000},
        "optionsJSON": _text({**options, "hidePanelTitles": False}),
        "panelsJSON": _text(placed),
        "kibanaSavedObjectMeta": {
            "searchSourceJSON": _text({"query": {"query": "", "language": "lucene"}, "filter": []})
        },
    }
    return _object("dashboard", f"{view}-overview", "10.2.0", attributes, references)


def _object(
    kind: str, name: str, version: str, attributes: dict[str, Any], references: list[dict[str, Any]]
) -> dict[str, Any]:
    versions = {"coreMigrationVersion": "8.8.0", "typeMigrationVersion": version}
    return {"type": kind, "id": name, "attributes": attributes, "references": references, **versions}


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
