"""A report as a page that needs nothing but itself: no script, no network. Also as JSON.

What a client wrote is text on it: Jinja escapes it, and controls and marks of direction are shown by their number.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import jinja2

from logpipeline.plain import plain, size
from logpipeline.report.charts import svg
from logpipeline.report.panels import Kind, Panel, Report

_LONGEST = 160
_NONE = "–"


def page(report: Report, command: Callable[[str], str] | None = None) -> str:
    """Return the HTML of a report, the same for the same report; `command` makes a command line of a query, and is
    None where there is nothing to ask.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("logpipeline.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
    )
    environment.filters |= {"written": written, "shown": plain, "svg": svg}
    panels = [panel for panel in report.panels if panel.rows]
    empty = [panel.title for panel in report.panels if not panel.rows]
    return environment.get_template("report.html").render(report=report, panels=panels, empty=empty, command=command)


def numbers(report: Report) -> str:
    """Return the numbers of a report as a JSON object by panel; a key that is null stands for all others together."""
    panels = {"overview": _objects(report.facts)[0], **{panel.name: _objects(panel) for panel in report.panels}}
    return json.dumps(panels, ensure_ascii=False, allow_nan=False) + "\n"


def _objects(panel: Panel) -> list[dict[str, Any]]:
    names = [column.name for column in panel.columns]
    return [dict(zip(names, row, strict=True)) for row in panel.rows]


def written(value: Any, kind: Kind) -> str:
    """Return a value as people read it."""
    if value is None:
        return _NONE
    match kind:
        case "text" | "moment":
            shown = plain(value)
            return (shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 1]}…") or _NONE
        case "count":
            return f"{value:,}"
        case "bytes":
            return size(value)
        case "number":
            return f"{value:,.0f}" if abs(value) >= 1000 or value == int(value) else f"{value:.4g}"
        case "share":
            return f"{value:.1%}"
        case "change":
            return f"{value:+.1%}"
        case "seconds":
            return f"{value * 1000:.3g} ms" if value < 1 else f"{value:,.3g} s"
