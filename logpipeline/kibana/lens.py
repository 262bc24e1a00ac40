"""Panels of a dashboard, and what Kibana's Lens makes of them. Pure.

A panel is what Lens lets one build by hand, and no more: buckets (a terms or date histogram or filters aggregation) and
metrics within them. Formulas and last values are left out, which no single aggregation of Elasticsearch computes. The
form is that of Kibana 8.9 to 9 (`formBased` layers, panels by value).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

TIME_FIELD = "@timestamp"
WHOLE_WIDTH = 48
_OF_NOTHING = ("count", "unique_count", "sum")
Function = Literal["count", "unique_count", "average", "sum", "min", "max", "percentile"]


@dataclass(frozen=True)
class Metric:
    """A number of the records in a bucket; of those only that `only` finds, in Lucene's language. `rank` is of a
    percentile.
    """

    label: str
    function: Function
    field: str | None = None
    only: str | None = None
    rank: int | None = None


@dataclass(frozen=True)
class Terms:
    """A bucket for each of the `size` values of a field that have most of the first metric."""

    field: str
    size: int


@dataclass(frozen=True)
class Time:
    """A bucket a time span, such as `1m`; `auto` fits the time that is looked at."""

    interval: str = "auto"


@dataclass(frozen=True)
class Filters:
    """A bucket for each of the named searches in Lucene's language."""

    searches: Mapping[str, str]


@dataclass(frozen=True)
class Panel:
    """A panel: `chart` is how it is drawn; each of the `buckets` divides those before it. `where` is a condition in
    Elasticsearch's own terms on all its records, and `why` says that in words. `width` is of 48 columns.
    """

    id: str
    title: str
    chart: Literal["number", "line", "bar_stacked", "table"]
    metrics: tuple[Metric, ...]
    buckets: tuple[Terms | Time | Filters, ...] = ()
    where: Mapping[str, Any] | None = None
    why: str = ""
    width: int = WHOLE_WIDTH
    height: int = 12


def lens(panel: Panel, view: str, types: Mapping[str, str]) -> dict[str, Any]:
    """Return the attributes of a panel over the data view `view`; `types` are those of its fields in Elasticsearch."""
    layer = f"{panel.id}-layer"
    buckets = {f"bucket-{place}": bucket for place, bucket in enumerate(panel.buckets)}
    metrics = {f"metric-{place}": metric for place, metric in enumerate(panel.metrics)}
    columns = {name: _bucket(bucket, types) for name, bucket in buckets.items()}
    columns |= {name: _metric(metric) for name, metric in metrics.items()}
    form = {
        "columns": columns,
        "columnOrder": list(columns),
        "incompleteColumns": {},
        "sampling": 1,
        "ignoreGlobalFilters": False,
    }
    kind, visualization = _visualization(panel, layer, list(buckets), list(metrics))
    return {
        "title": panel.title,
        "type": "lens",
        "visualizationType": kind,
        "references": [{"type": "index-pattern", "id": view, "name": reference_name(layer)}],
        "state": {
            "datasourceStates": {"formBased": {"layers": {layer: form}}},
            "visualization": visualization,
            "query": {"query": "", "language": "lucene"},
            "filters": [] if panel.where is None else [_filter(panel.where, panel.why)],
            "internalReferences": [],
            "adHocDataViews": {},
        },
    }


def reference_name(layer: str) -> str:
    """Return the name under which a layer refers to its data view."""
    return f"indexpattern-datasource-layer-{layer}"


def _metric(metric: Metric) -> dict[str, Any]:
    column: dict[str, Any] = {
        "label": metric.label,
        "customLabel": True,
        "dataType": "number",
        "isBucketed": False,
        "operationType": metric.function,
        "scale": "ratio",
        # Kibana's word for the documents themselves.
        "sourceField": metric.field or "___records___",
        "params": {"percentile": metric.rank} if metric.rank is not None else {},
    }
    if metric.function in _OF_NOTHING:
        # A bucket without records has no value, rather than 0.
        column["params"] = {"emptyAsNull": True}
    if metric.only is not None:
        column["filter"] = {"query": metric.only, "language": "lucene"}
    return column


def _bucket(bucket: Terms | Time | Filters, types: Mapping[str, str]) -> dict[str, Any]:
    match bucket:
        case Terms():
            params: dict[str, Any] = {
                "size": bucket.size,
                "orderBy": {"type": "column", "columnId": "metric-0"},
                "orderDirection": "desc",
                "otherBucket": False,
                "missingBucket": False,
                "parentFormat": {"id": "terms"},
            }
            kind = {"ip": "ip", "keyword": "string"}.get(types[bucket.field], "number")
            about = {"label": bucket.field, "customLabel": True, "dataType": kind, "sourceField": bucket.field}
            return {**about, "isBucketed": True, "operationType": "terms", "scale": "ordinal", "params": params}
        case Time():
            params = {"interval": bucket.interval, "includeEmptyRows": True, "dropPartials": False}
            about = {"label": TIME_FIELD, "dataType": "date", "sourceField": TIME_FIELD}
            return {
                **about,
                "isBucketed": True,
                "operationType": "date_histogram",
                "scale": "interval",
                "params": params,
            }
        case Filters():
            searches = [
                {"label": label, "input": {"query": text, "language": "lucene"}}
                for label, text in bucket.searches.items()
            ]
            about = {"label": "Filters", "dataType": "string", "params": {"filters": searches}}
            return {**about, "isBucketed": True, "operationType": "filters", "scale": "ordinal"}


def _visualization(
    panel: Panel, layer: str, buckets: Sequence[str], metrics: Sequence[str]
) -> tuple[str, dict[str, Any]]:
    match panel.chart:
        case "number":
            return "lnsMetric", {"layerId": layer, "layerType": "data", "metricAccessor": metrics[0]}
        case "table":
            columns = [{"columnId": name} for name in (*buckets, *metrics)]
            return "lnsDatatable", {"layerId": layer, "layerType": "data", "columns": columns}
        case chart:
            (time,) = (name for name, bucket in zip(buckets, panel.buckets, strict=True) if isinstance(bucket, Time))
            split = [name for name in buckets if name != time]
            drawn: dict[str, Any] = {"layerId": layer, "layerType": "data", "seriesType": chart, "xAccessor": time}
            drawn["accessors"] = list(metrics)
            if split:
                drawn["splitAccessor"] = split[0]
            return "lnsXY", {
                "preferredSeriesType": chart,
                "legend": {"isVisible": True, "position": "right"},
                "valueLabels": "hide",
                "fittingFunction": "None",
                "layers": [drawn],
            }


def _filter(where: Mapping[str, Any], why: str) -> dict[str, Any]:
    meta = {"type": "custom", "key": "query", "alias": why, "disabled": False, "negate": False}
    return {"$state": {"store": "appState"}, "meta": meta, "query": dict(where)}
