"""What people ask of an access log, and what the goals of a pipeline look for, as panels. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from logpipeline.elastic.evidence import counted
from logpipeline.kibana.lens import WHOLE_WIDTH, Filters, Metric, Panel, Terms, Time
from logpipeline.rules import Rule

_RECORDS = Metric("Records", "count")
ERRORS = "status:[400 TO 599]"
_CLASSES = {f"{digit}xx": f"status:[{digit}00 TO {digit}99]" for digit in (2, 3, 4, 5)}
_MOST, _MOST_WITHIN = 10, 5
_QUARTER = WHOLE_WIDTH // 4
_LINES_WIDTH = 30

OVERVIEW = (
    Panel("records", "Records", "number", (_RECORDS,), width=_QUARTER, height=6),
    Panel("clients", "Clients", "number", (Metric("Clients", "unique_count", "client_ip"),), width=_QUARTER, height=6),
    Panel("errors", "Errors", "number", (Metric("Errors", "count", only=ERRORS),), width=_QUARTER, height=6),
    Panel(
        "slowest",
        "99th percentile",
        "number",
        (Metric("99th percentile of request_time", "percentile", "request_time", rank=99),),
        width=_QUARTER,
        height=6,
    ),
    Panel("classes", "Records by status", "bar_stacked", (_RECORDS,), (Filters(_CLASSES), Time())),
)


def goal_panels(rule: Rule) -> Iterator[Panel]:
    """Yield what shows that a goal looks for: its value over time by its keys, and the keys that have most of it."""
    must, must_not, _ = counted(rule)
    where = {"bool": {"filter": must, "must_not": must_not}}
    value = _value(rule)
    common: dict[str, Any] = {"where": where, "why": f"{rule.name}: what it counts"}
    # Each field divides the values of the one before; as lines that would be too many.
    terms = [Terms(field, _MOST if place == 0 else _MOST_WITHIN) for place, field in enumerate(rule.group_by)]
    # A tumbling window is a bar; of hopping ones no chart can show each.
    time = Time(f"{rule.size}s") if rule.size == rule.slide else Time()
    title = f"{rule.name}: {value.label} by {rule.group_by[0]}"
    yield Panel(f"{rule.name}-time", title, "line", (value,), (terms[0], time), width=_LINES_WIDTH, **common)
    metrics = [value]
    if rule.field is not None:
        metrics += [Metric(f"{rank}th percentile", "percentile", rule.field, rank=rank) for rank in (50, 95, 99)]
        metrics.append(_RECORDS)
    width = WHOLE_WIDTH - _LINES_WIDTH
    yield Panel(f"{rule.name}-most", f"{rule.name}: most", "table", tuple(metrics), tuple(terms), width=width, **common)


def _value(rule: Rule) -> Metric:
    match rule.aggregate:
        case "count":
            return _RECORDS
        case "avg":
            return Metric(f"mean {rule.field}", "average", rule.field)
        case "p95":
            return Metric(f"95th percentile of {rule.field}", "percentile", rule.field, rank=95)
        case kind:
            return Metric(f"{kind} {rule.field}", kind, rule.field)
