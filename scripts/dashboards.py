"""Grafana's dashboards, made from dashboards.yaml into the chart's files; with --check they are only compared."""

from __future__ import annotations

import sys
from functools import reduce
from pathlib import Path
from typing import Any, Literal

import yaml
from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, statetimeline, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models
from pydantic import BaseModel, ConfigDict

PANELS = Path(__file__).parent / "dashboards.yaml"
TARGET = Path(__file__).parent.parent / "charts" / "logpipeline-operator" / "files" / "dashboards"
SELECTORS = {
    "PIPELINE": 'namespace="$namespace", pipeline="$pipeline"',
    "OPERATOR": 'pipeline_namespace="$namespace", pipeline="$pipeline"',
    "GOAL": 'namespace="$namespace", pipeline="$pipeline", goal=~"$goal"',
}
# Which values a variable can take, in terms of those before it.
VARIABLES = {
    "namespace": "label_values(logpipeline_goal_up, namespace)",
    "pipeline": 'label_values(logpipeline_goal_up{namespace="$namespace"}, pipeline)',
    "goal": 'label_values(logpipeline_goal_up{namespace="$namespace", pipeline="$pipeline"}, goal)',
}
# A Prometheus is chosen on the page: nobody else's has a name or uid that we know.
SOURCE = models.DataSourceRef(type_val="prometheus", uid="${datasource}")
TAG = "logpipeline"
COLUMNS, NUMBER_WIDTH, LINES_WIDTH = 24, 4, 12
NUMBER_HEIGHT, LINES_HEIGHT = 4, 8


class Panel(BaseModel):
    """A panel of dashboards.yaml."""

    model_config = ConfigDict(extra="forbid")

    title: str
    description: str = ""
    kind: Literal["number", "lines", "states"] = "lines"
    unit: str = "short"
    limits: tuple[float, float] | None = None
    words: tuple[str, str] | None = None
    query: str = ""
    queries: dict[str, str] = {}


def _panel(panel: Panel) -> Any:
    """Return the builder of a panel."""
    built: Any
    match panel.kind:
        case "number":
            reduced = common.ReduceDataOptions().calcs(["lastNotNull"])
            built = stat.Panel().span(NUMBER_WIDTH).height(NUMBER_HEIGHT).reduce_options(reduced)
            coloured = panel.limits or panel.words
            mode = common_models.BigValueColorMode
            built.color_mode(mode.BACKGROUND if coloured else mode.NONE)
        case "lines":
            built = timeseries.Panel().span(LINES_WIDTH).height(LINES_HEIGHT).min(0).fill_opacity(8)
            built.tooltip(common.VizTooltipOptions().mode(common_models.TooltipDisplayMode.MULTI))
        case "states":
            built = statetimeline.Panel().span(LINES_WIDTH).height(LINES_HEIGHT)
    built.title(panel.title).description(panel.description).datasource(SOURCE).unit(panel.unit)
    if panel.limits:
        built.thresholds(_thresholds("green", (panel.limits[0], "yellow"), (panel.limits[1], "red")))
    if panel.words:
        built.thresholds(_thresholds("red", (1, "green")))
        words = {str(value): models.ValueMappingResult(text=word) for value, word in enumerate(panel.words)}
        built.mappings([models.ValueMap(options=words)])
    queries = panel.queries or {"": panel.query}
    for place, (legend, query) in enumerate(queries.items()):
        target = prometheus.Dataquery().expr(_with_labels(query)).ref_id(chr(ord("A") + place)).datasource(SOURCE)
        built.with_target(target.legend_format(legend) if legend else target)
    return built


def _with_labels(query: str) -> str:
    return reduce(lambda text, selector: text.replace(*selector), SELECTORS.items(), query)


def _thresholds(below: str, *steps: tuple[float, str]) -> Any:
    colours = [models.Threshold(color=below), *(models.Threshold(value=value, color=color) for value, color in steps)]
    return dashboard.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(colours)


def _variable(name: str) -> Any:
    variable = dashboard.QueryVariable(name).query(VARIABLES[name]).datasource(SOURCE)
    variable.refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED).sort(models.VariableSort.ALPHABETICAL_ASC)
    return variable.multi(True).include_all(True) if name == "goal" else variable


def page(described: dict[str, Any]) -> str:
    """Return a dashboard as Grafana reads it: classic JSON, which every version since 9 imports."""
    built = (
        dashboard.Dashboard(described["title"])
        .uid(f"logpipeline-{described['name']}")
        .description(described["description"])
        .tags([TAG])
        .refresh("30s")
        .time("now-1h", "now")
        .timezone("browser")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .link(dashboard.DashboardLink("LogPipeline").type(models.DashboardLinkType.DASHBOARDS).tags([TAG]).include_vars(True).keep_time(True))
        .with_variable(dashboard.DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
    )  # fmt: skip
    for name in described["variables"]:
        built.with_variable(_variable(name))
    for row in described["rows"]:
        built.with_row(dashboard.Row(row["title"]))
        for panel in row["panels"]:
            built.with_panel(_panel(Panel(**panel)))
    built_page = built.build()
    for number, panel in enumerate(built_page.panels or [], start=1):
        panel.id_val = number
    for link in built_page.links or []:
        # The builder's default hides it in a menu.
        link.placement = None
    return JSONEncoder(sort_keys=True, indent=1).encode(built_page) + "\n"


def main() -> None:
    """Write or compare every page."""
    pages = {f"{one['name']}.json": page(one) for one in yaml.safe_load(PANELS.read_text(encoding="utf-8"))}
    if "--check" not in sys.argv:
        TARGET.mkdir(parents=True, exist_ok=True)
        for name, text in pages.items():
            (TARGET / name).write_text(text, encoding="utf-8")
    elif {file.name: file.read_text(encoding="utf-8") for file in TARGET.iterdir()} != pages:
        sys.exit(f"{TARGET} is stale; run `make dashboards`")


if __name__ == "__main__":
    main()
