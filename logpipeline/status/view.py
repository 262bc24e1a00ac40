"""What is known of a pipeline, in the same words for both places. Pure. None is unknown and never means 0."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from logpipeline.api.base import format_duration
from logpipeline.api.status import ReportStatus, Status
from logpipeline.progress import GoalProgress, read_progress, read_tables


@dataclass(frozen=True)
class Line:
    """A part or an aspect of a pipeline: `state` in a word, `good` None where it is neither good nor bad."""

    name: str
    state: str
    good: bool | None
    detail: str = ""


@dataclass(frozen=True)
class GoalLine:
    """A goal; `rate` is in records a second, `lag` in records, `behind` is the age of its last batch."""

    name: str
    state: str
    rate: float | None
    lag: int | None
    batch: int | None
    behind: str | None
    restarts: int | None
    error: str | None


@dataclass(frozen=True)
class View:
    """A pipeline at one moment. `healthy`: it is ready and records flow; `totals` are its counts by what they count."""

    heading: str
    lines: list[Line]
    goals: list[GoalLine]
    totals: dict[str, int | str | None] = field(default_factory=dict)
    healthy: bool = False


# Of these two, False is as it should be or merely unknown.
_NEUTRAL = ("Progressing",)


def of_resource(document: Mapping[str, Any], now: datetime) -> View:
    """Return the view of a resource as the API server gives it."""
    metadata, status = document["metadata"], Status.model_validate(document.get("status") or {})
    conditions = {condition.type: condition for condition in status.conditions}
    lines = [
        Line(
            kind,
            condition.status,
            None if kind in _NEUTRAL or condition.status == "Unknown" else condition.status == "True",
            f"{condition.reason}: {condition.message}" if condition.message else condition.reason,
        )
        for kind, condition in conditions.items()
    ]
    if not lines:
        lines = [Line("Ready", "Unknown", None, "the operator has not seen it yet")]
    elif status.observed_generation != metadata.get("generation"):
        newest = f"the operator has seen generation {status.observed_generation}, not {metadata.get('generation')}"
        lines.insert(0, Line("Observed", "False", None, newest))
    goals = [
        GoalLine(
            goal.name,
            goal.state or "unknown",
            goal.records_per_second,
            goal.lag,
            goal.batch,
            age(goal.last_batch_time, now),
            goal.restarts,
            goal.last_error,
        )
        for goal in status.goals
    ]
    sink = status.sink
    totals: dict[str, int | str | None] = {"records": status.records, "rate": status.rate}
    if sink is not None:
        totals |= {"indexed": sink.indexed, "dead letters": sink.dead_letters, "connector tasks": sink.tasks}
    if (lake := status.lake) is not None:
        totals |= _lake(lake.lag, lake.files, lake.bytes)
    totals |= {f"report {report.name}": _report(report, now) for report in status.reports or ()}
    ready, flow = (conditions.get(kind) for kind in ("Ready", "FlowHealthy"))
    healthy = ready is not None and ready.status == "True" and (flow is None or flow.status != "False")
    name = f"{metadata.get('namespace', 'default')}/{metadata['name']}"
    created = (
        age(datetime.fromisoformat(metadata["creationTimestamp"]), now) if "creationTimestamp" in metadata else None
    )
    heading = f"{name}  generation {metadata.get('generation', 0)}" + (f"  age {created}" if created else "")
    return View(heading, lines, goals, totals, healthy)


def of_run(status: Mapping[str, Any], *, running: bool) -> View:
    """Return the view of a run on this machine from what it last wrote; `running` is whether it still runs."""
    phase = str(status.get("phase", "unknown")) if running else "not running"
    lines = [_component(component, running=running) for component in status.get("components", [])]
    produced = (status.get("totals") or {}).get("produced")
    goals = [_goal(goal, produced) for goal in read_progress({"goals": status.get("goals", [])})]
    found = status.get("totals") or {}
    names = {"produced": "records", "invalid": "invalid", "indexed": "indexed", "dead_letters": "dead letters"}
    totals = {shown: found.get(name) for name, shown in names.items() if found.get(name) is not None}
    tables = read_tables({"tables": status.get("tables", [])})
    if tables:
        lag = next((table.behind(produced or 0) for table in tables if table.table == "raw"), None)
        files, size = (sum(getattr(table, name) or 0 for table in tables) for name in ("files", "bytes"))
        totals |= _lake(lag, files, size)
    healthy = running and phase == "running" and all(line.good for line in lines)
    elapsed = timedelta(seconds=round(float(status.get("elapsed_seconds", 0))))
    heading = f"{status.get('pipeline', 'unknown')}  {phase}  {format_duration(elapsed)}"
    return View(heading, lines, goals if running else [], totals, healthy)


def _lake(lag: int | None, files: int | None, size: int | None) -> dict[str, int | str | None]:
    known = None if files is None or size is None else f"{size / 2**20:,.0f} MiB in {files:,} files"
    return {"lake": known, "lake lag": lag}


def _report(report: ReportStatus, now: datetime) -> str:
    last = age(report.last_written_time, now)
    return f"{report.state or 'unknown'}, {f'last page {last} ago' if last else 'no page yet'}"


def _component(component: Mapping[str, Any], *, running: bool) -> Line:
    state = str(component["state"]) if running else "stopped"
    detail = component.get("lacking") or component.get("address") or ""
    return Line(str(component["name"]), state, state == "running", detail if running else "")


def _goal(goal: GoalProgress, produced: int | None) -> GoalLine:
    return GoalLine(
        goal.goal,
        goal.state,
        goal.input_records_per_second,
        goal.behind(produced) if produced is not None else goal.lag_records,
        goal.batch,
        None if goal.batch_age_seconds is None else f"{goal.batch_age_seconds:.0f}s",
        goal.restarts,
        goal.error,
    )


def age(moment: datetime | None, now: datetime) -> str | None:
    """Return how long ago a moment was in its two largest units, for example 2m5s or 3d4h; None when it is unknown."""
    if moment is None:
        return None
    seconds = max(0, round((now - moment).total_seconds()))
    for unit in (86_400, 3600, 60):
        if seconds >= unit:
            # Of days, the hours; of hours, the minutes; of minutes, the seconds.
            seconds -= seconds % {86_400: 3600, 3600: 60, 60: 1}[unit]
            break
    return format_duration(timedelta(seconds=seconds))
