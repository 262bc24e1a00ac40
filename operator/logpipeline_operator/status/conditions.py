"""From facts to the status of a pipeline: pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from logpipeline.api import LogPipeline
from logpipeline_operator.observe.facts import Facts, ReportFacts
from logpipeline_operator.status.flow import flow_finding
from logpipeline_operator.status.goals import goal_entries, goal_findings, goals_finding
from logpipeline_operator.status.numbers import batch_time, moment, rate_text
from logpipeline_operator.status.parts import (
    alerting_finding,
    console_finding,
    generator_finding,
    kafka_finding,
    lake_finding,
    sink_finding,
    topics_finding,
)
from logpipeline_operator.status.progress import progressing_finding
from logpipeline_operator.status.reasons import (
    CONDITION_TYPES,
    FLOW,
    GOALS,
    KAFKA,
    LAKE,
    PARTS,
    PROGRESSING,
    READY,
    SINK,
    TOPICS,
    Finding,
    as_before,
    worst,
)

_LONGEST_MESSAGE = 1500
_NUMBERS = ("lag", "rate", "records", "sink", "lake", "reports")


def status_of(
    pipeline: LogPipeline,
    facts: Facts,
    *,
    now: datetime,
    previous: Mapping[str, Any] | None = None,
    refusals: Sequence[str] = (),
    failures: Sequence[str] = (),
    held: Sequence[Finding] = (),
    doubts: Sequence[Finding] = (),
) -> dict[str, Any]:
    """Return the whole status of `pipeline`, the accepted one; what is unknown is left out.

    `refusals` say which changes are not made and the ways out, `failures` which objects the API server refused, `held`
    what else keeps the pipeline as a whole from being complete, `doubts` what of the resource is ignored or to no
    purpose; `previous` is the status so far, `observedGeneration` is the pipeline's generation.
    """
    before = previous or {}
    goals = goal_findings(pipeline, facts, before)
    kafka = kafka_finding(pipeline, facts)
    found = {
        KAFKA: kafka,
        TOPICS: topics_finding(pipeline, facts, kafka),
        GOALS: goals_finding(goals),
        SINK: sink_finding(pipeline, facts),
        LAKE: lake_finding(pipeline, facts),
    }
    found = {kind: as_before(finding, before, kind) for kind, finding in found.items()}
    others = [generator_finding(pipeline, facts), alerting_finding(pipeline, facts), console_finding(pipeline, facts)]
    found[FLOW] = flow_finding(pipeline, facts, found, before)
    parts = [*held, *(found[part] for part in PARTS), *others]
    found[PROGRESSING] = progressing_finding(pipeline, facts, parts, refusals, failures, doubts)
    found[READY] = _ready(pipeline, parts, found[PROGRESSING], refusals, doubts)
    generation = pipeline.metadata.generation
    lags = [goal.lag for goal in facts.goals.values() if goal.lag is not None]
    status = {
        "observedGeneration": generation,
        "conditions": _conditions(found, generation, before, now),
        "goals": goal_entries(pipeline, facts, goals, before),
        "goalsReady": f"{sum(goal.status == 'True' for goal in goals.values())}/{len(goals)}",
        "lag": max(lags, default=None),
        "rate": rate_text(facts.flow.rate),
        "records": _records(pipeline, facts, before),
        "sink": _sink(pipeline, facts),
        "lake": _lake(facts),
        "reports": _reports(pipeline, facts),
    }
    known = {key: value for key, value in status.items() if value is not None}
    # Numbers that this operator has not asked for yet are still those that another has written.
    return known if facts.looked else {**{key: before[key] for key in _NUMBERS if key in before}, **known}


def status_of_invalid(
    faults: Sequence[str], generation: int, *, now: datetime, previous: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the status of a resource that cannot be read: what runs goes on, and what is wrong with it is said."""
    before = previous or {}
    finding = Finding("False", "ResourceInvalid", "; ".join(faults))
    unknown = Finding("Unknown", "ResourceInvalid", "nobody looks after it until the resource is valid")
    found = {kind: finding if kind in (READY, PROGRESSING) else unknown for kind in CONDITION_TYPES}
    return {**before, "observedGeneration": generation, "conditions": _conditions(found, generation, before, now)}


def _records(pipeline: LogPipeline, facts: Facts, before: Mapping[str, Any]) -> int | None:
    """Return how many records were ever written. While the brokers are stopped that stays as it was."""
    if facts.kafka.records is None and pipeline.spec.suspend:
        return before.get("records")
    return facts.kafka.records


def _ready(
    pipeline: LogPipeline,
    parts: Sequence[Finding],
    progressing: Finding,
    refusals: Sequence[str],
    doubts: Sequence[Finding],
) -> Finding:
    if pipeline.spec.suspend:
        return Finding("False", progressing.reason, progressing.message)
    if lacking := [finding for finding in parts if finding.status != "True"]:
        first = worst(lacking)
        return Finding("False", first.reason, first.message)
    refused = "; a change is refused, see Progressing" if refusals else ""
    doubtful = "; not all of the resource takes effect, see Progressing" if doubts and not refusals else ""
    return Finding("True", "Ready", f"everything is ready{refused}{doubtful}")


def _sink(pipeline: LogPipeline, facts: Facts) -> dict[str, Any] | None:
    if pipeline.spec.sink is None:
        return None
    connector, index = facts.connector, facts.index
    tasks = None if connector is None or connector.tasks is None else f"{connector.running}/{connector.tasks}"
    numbers = {
        "connector": connector.state if connector else None,
        "tasks": tasks,
        "indexed": index.indexed if index else None,
        "deadLetters": facts.kafka.dead_letters,
    }
    return {key: value for key, value in numbers.items() if value is not None} or None


def _lake(facts: Facts) -> dict[str, Any] | None:
    if facts.lake is None:
        return None
    tables, raw = facts.lake.tables.values(), facts.lake.tables.get("raw")
    files = [table.files for table in tables if table.files is not None]
    sizes = [table.bytes for table in tables if table.bytes is not None]
    numbers = {
        "lag": facts.lake.lag,
        "files": sum(files) if files else None,
        "bytes": sum(sizes) if sizes else None,
        "lastCommitTime": batch_time(raw.last_batch_time if raw else None),
    }
    return {key: value for key, value in numbers.items() if value is not None} or None


def _reports(pipeline: LogPipeline, facts: Facts) -> list[dict[str, Any]] | None:
    entries = []
    for report in pipeline.spec.reports:
        known = facts.reports.get(report.name, ReportFacts())
        due, written = known.last_due, known.last_written
        if known.running:
            state = "running"
        elif written is not None and (due is None or written >= due):
            state = "written"
        else:
            state = "waiting" if due is None else "failed"
        times = {"lastDueTime": due, "lastWrittenTime": written}
        moments = {name: moment(time) for name, time in times.items() if time is not None}
        entries.append({"name": report.name, "state": state, **moments})
    return entries or None


def _conditions(
    found: Mapping[str, Finding], generation: int, previous: Mapping[str, Any], now: datetime
) -> list[dict[str, Any]]:
    before = {item["type"]: item for item in previous.get("conditions") or []}
    conditions = []
    for kind in CONDITION_TYPES:
        finding, old = found[kind], before.get(kind)
        unchanged = old is not None and old["status"] == finding.status
        conditions.append(
            {
                "type": kind,
                "status": finding.status,
                "reason": finding.reason,
                "message": _short(finding.message),
                "lastTransitionTime": old["lastTransitionTime"] if old and unchanged else moment(now),
                "observedGeneration": generation,
            }
        )
    return conditions


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_MESSAGE else text[: _LONGEST_MESSAGE - 1] + "…"
