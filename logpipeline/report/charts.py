"""Vega-Lite specifications and the SVG that is made of them, without a script.

Text and lines have the colour of the page's text, so that a chart is as light or dark as the page.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Literal

import vl_convert
from markupsafe import Markup

from logpipeline.report.layout import CLASSES
from logpipeline.report.panels import Chart

Unit = Literal["hour", "day", "month"]

_VIEW_BOX = re.compile(r'viewBox="([0-9. -]+)"')
_WIDTH, _HEIGHT = 860, 200
_BLUE = "#3f7fd6"
# Each stands out on white and on black, and from its neighbours also for those who see no red or green.
COLOURS = dict(zip(CLASSES, ("#8b93a1", "#2e9e86", _BLUE, "#d98a1f", "#d1495b"), strict=True))
_TIME_UNITS = {"hour": "utcyearmonthdatehours", "day": "utcyearmonthdate", "month": "utcyearmonth"}
_TIME_FORMATS = {"hour": "%d %b %H:00", "day": "%d %b %Y", "month": "%b %Y"}
_CONFIG = {
    # The page says what a chart shows; its shapes are not read out one by one.
    "aria": False,
    "font": "system-ui, sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelColor": "currentColor",
        "titleColor": "currentColor",
        "domainColor": "currentColor",
        "tickColor": "currentColor",
        "gridColor": "currentColor",
        "gridOpacity": 0.15,
        "labelFontSize": 12,
    },
    "axisX": {"grid": False},
    "legend": {"labelColor": "currentColor", "titleColor": "currentColor", "orient": "top", "labelFontSize": 12},
}
_NUMBER = {"title": None, "axis": {"format": "~s", "tickCount": 4}}


def over_time(
    label: str, unit: Unit, rows: Sequence[tuple[date | datetime, str, int]], order: Mapping[str, str]
) -> Chart:
    """Return stacked bars of (moment, series, value); `order` has the series from the bottom up, and their colours."""
    values = [
        {"x": moment.isoformat(), "series": series, "y": float(value), "at": list(order).index(series)}
        for moment, series, value in rows
    ]
    colour = {
        "field": "series",
        "type": "nominal",
        "title": None,
        "scale": {"domain": list(order), "range": list(order.values())},
        "legend": {} if len(order) > 1 else None,
    }
    x = {
        "field": "x",
        "type": "temporal",
        "timeUnit": _TIME_UNITS[unit],
        "title": None,
        "scale": {"type": "utc"},
        "axis": {"format": _TIME_FORMATS[unit], "labelOverlap": "greedy", "labelSeparation": 16},
    }
    y = {"field": "y", "type": "quantitative", "stack": "zero", **_NUMBER}
    return Chart(
        label, _bars(values, {"x": x, "y": y, "color": colour, "order": {"field": "at", "type": "quantitative"}})
    )


def by_name(label: str, rows: Sequence[tuple[str, int]]) -> Chart:
    """Return a bar for each of (name, value), in this order."""
    x = {"field": "x", "type": "ordinal", "sort": None, "title": None, "axis": {"labelAngle": 0, "labelOverlap": True}}
    values = [{"x": name, "y": float(value)} for name, value in rows]
    return Chart(label, _bars(values, {"x": x, "y": {"field": "y", "type": "quantitative", **_NUMBER}}))


def heat_map(label: str, rows: Sequence[tuple[str, str, int]], across: Sequence[str], down: Sequence[str]) -> Chart:
    """Return a field for each of (column, row, value), the stronger the more."""
    values = [{"x": x, "y": y, "value": float(value)} for x, y, value in rows]
    axis = {"title": None, "axis": {"labelAngle": 0, "domain": False, "ticks": False}}
    opacity = {"field": "value", "type": "quantitative", "scale": {"range": [0.04, 1], "zero": True}, "legend": None}
    encoding = {
        "x": {"field": "x", "type": "ordinal", "sort": list(across), **axis},
        "y": {"field": "y", "type": "ordinal", "sort": list(down), **axis},
        "opacity": opacity,
    }
    return Chart(label, _specification(values, {"type": "rect", "color": _BLUE}, encoding))


def _bars(values: Sequence[Mapping[str, Any]], encoding: Mapping[str, Any]) -> dict[str, Any]:
    return _specification(values, {"type": "bar", "color": _BLUE}, encoding)


def _specification(
    values: Sequence[Mapping[str, Any]], mark: Mapping[str, Any], encoding: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "background": None,
        "width": _WIDTH,
        "height": _HEIGHT,
        "data": {"values": list(values)},
        "mark": dict(mark),
        "encoding": dict(encoding),
        "config": _CONFIG,
    }


def svg(chart: Chart) -> Markup:
    """Return a chart as an SVG element that a screen reader names by its label."""
    drawn = vl_convert.vegalite_to_svg(dict(chart.specification), allowed_base_urls=[])
    head, _, rest = drawn.partition(">")
    (box,) = _VIEW_BOX.findall(head)
    opened = Markup('<svg role="img" aria-label="{0}" viewBox="{1}"><title>{0}</title>').format(chart.label, box)
    return opened + Markup(rest)  # noqa: S704 - vl-convert has escaped the texts in it
