"""The pipeline as a picture: its parts, what connects them, and how each is by the newest answers. Pure.

None is unknown and never means 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from logpipeline.api import LogPipeline
from logpipeline.plain import size
from logpipeline.progress import GoalProgress, TableProgress
from logpipeline_console.goals import ShownGoal

State = Literal["running", "idle", "behind", "starting", "failed", "not answering", "unknown"]
BEHIND_SECONDS = 60.0
"""Whose lag is more than so many seconds of the raw topic's rate is behind."""


@dataclass(frozen=True)
class Part:
    """A part of the picture; `column` is how far along the way of a record it stands."""

    id: str
    kind: str
    title: str
    note: str
    column: int


@dataclass(frozen=True)
class PartFacts:
    """How a part is: rate in records a second, lag in records, `total` of what `counts` names; `detail` says why it is
    not well, `facts` is what there is beside.
    """

    state: State
    detail: str = ""
    rate: float | None = None
    lag: int | None = None
    total: int | None = None
    counts: str = ""
    facts: Mapping[str, str | float | int | None] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """Return what the page is told of it."""
        return asdict(self)


@dataclass(frozen=True)
class Known:
    """What the parts have answered last.

    `faults`: why a part does not answer, by part. `produced`, `invalid`, `dead_letters` and `results` (by goal) are the
    numbers of records ever on the topics; `committed_lag` is what the connector has not committed; `tasks`: how many
    run, of how many; `tables` are those of the lake; `rates` are by part.
    """

    produced: int | None = None
    invalid: int | None = None
    dead_letters: int | None = None
    results: Mapping[str, int] = field(default_factory=dict)
    goals: Mapping[str, GoalProgress] = field(default_factory=dict)
    committed_lag: int | None = None
    tasks: tuple[int, int] | None = None
    task_fault: str | None = None
    indexed: int | None = None
    open_alerts: int | None = None
    tables: Mapping[str, TableProgress] = field(default_factory=dict)
    rates: Mapping[str, float | None] = field(default_factory=dict)
    faults: Mapping[str, str] = field(default_factory=dict)


def parts_of(pipeline: LogPipeline, goals: list[ShownGoal]) -> list[Part]:
    """Return the parts in the order in which they are read."""
    spec, topics = pipeline.spec, pipeline.topics()
    generated = spec.source.generator is not None
    parts = [
        Part(
            "source", "source", "generator" if generated else "producers", "demo traffic" if generated else "yours", 0
        ),
        Part("kafka", "topic", topics["raw"].name or "", "Kafka, raw records", 1),
        *(Part(f"goal {goal.rule.name}", "goal", goal.rule.name, goal.rule.meaning(), 2) for goal in goals),
    ]
    if spec.sink is not None:
        parts.append(Part("connect", "connector", "Kafka Connect", "raw records to the index", 2))
    if spec.lake is not None:
        parts.append(Part("lake", "lake", "lake", spec.lake.uri or "records and results as Delta tables", 2))
    parts.append(Part("invalid", "topic", "invalid records", topics["invalid"].name or "", 3))
    if spec.alerting is not None:
        parts.append(Part("alerts", "alerts", "alerts", "Alertmanager, webhook", 3))
    if spec.sink is not None:
        parts.append(Part("elasticsearch", "index", pipeline.index(), "Elasticsearch", 3))
    return parts


def links_of(parts: list[Part], goals: list[ShownGoal]) -> list[tuple[str, str]]:
    """Return the ways of records between the parts: from, to."""
    there = {part.id for part in parts}
    detecting = [f"goal {goal.rule.name}" for goal in goals if goal.detects]
    links = [("source", "kafka"), *(("kafka", part.id) for part in parts if part.column == 2)]
    # Validity knows no goal; the first one tells of it for all.
    links.append((f"goal {goals[0].rule.name}", "invalid"))
    links += [(goal, "alerts") for goal in detecting]
    links.append(("connect", "elasticsearch"))
    return [link for link in links if there.issuperset(link)]


def facts_of(parts: list[Part], known: Known) -> dict[str, PartFacts]:
    """Return how each part is."""
    return {part.id: _facts(part, known) for part in parts}


def _facts(part: Part, known: Known) -> PartFacts:
    rate = known.rates.get("kafka")
    match part.id:
        case "source":
            return PartFacts(_moving(rate), rate=rate)
        case "kafka":
            facts = PartFacts(_moving(rate), rate=rate, total=known.produced, counts="records")
        case "invalid":
            dead = {"dead letters": known.dead_letters} if known.dead_letters is not None else {}
            state: State = "unknown" if known.invalid is None else "running"
            return PartFacts(state, rate=known.rates.get("invalid"), total=known.invalid, counts="records", facts=dead)
        case "connect":
            facts = _connect(known, rate)
        case "elasticsearch":
            indexing = known.rates.get("elasticsearch")
            facts = PartFacts(_moving(indexing), rate=indexing, total=known.indexed, counts="records")
        case "alerts":
            state = "unknown" if known.open_alerts is None else "running"
            facts = PartFacts(state, total=known.open_alerts, counts="open")
        case "lake":
            facts = _lake(known, rate)
        case _:
            facts = _goal(part.title, known, rate)
    fault = known.faults.get(part.id)
    return facts if fault is None else PartFacts("not answering", fault)


def _moving(rate: float | None) -> State:
    return "unknown" if rate is None else "running" if rate > 0 else "idle"


def _behind(lag: int | None, rate: float | None) -> bool:
    return bool(lag and rate and lag / rate > BEHIND_SECONDS)


def _connect(known: Known, rate: float | None) -> PartFacts:
    running, tasks = known.tasks or (None, None)
    state: State = "running"
    if running is None:
        state = "unknown"
    elif known.task_fault is not None:
        state = "failed"
    elif running != tasks or not tasks:
        state = "starting"
    elif _behind(known.committed_lag, rate):
        state = "behind"
    facts = {"tasks": None if running is None else f"{running} of {tasks} run", "dead letters": known.dead_letters}
    own = known.rates.get("connect")
    return PartFacts(state, known.task_fault or "", rate=own, lag=known.committed_lag, facts=facts)


def _query_state(lag: int | None, rate: float | None, *, running: bool, failed: bool) -> State:
    """Return how streaming queries are that lag behind a topic of this rate."""
    if running:
        return "behind" if _behind(lag, rate) else "running"
    return "failed" if failed else "starting"


def _lake(known: Known, rate: float | None) -> PartFacts:
    raw = known.tables.get("raw")
    if raw is None:
        return PartFacts("unknown")
    lag = raw.lag_records if known.produced is None else raw.behind(known.produced)
    faults = [f"{table.table}: {table.error}" for table in known.tables.values() if table.error is not None]
    running = all(table.state == "running" for table in known.tables.values())
    sizes = {
        f"table {table.table}": None
        if table.bytes is None or table.files is None
        else f"{size(table.bytes)} in {table.files:,} files"
        for table in known.tables.values()
    }
    return PartFacts(
        _query_state(lag, rate, running=running, failed=bool(faults)),
        "; ".join(faults),
        rate=raw.input_records_per_second,
        lag=lag,
        total=raw.offset_total,
        counts="records",
        facts={"last commit": raw.last_batch_time, **sizes},
    )


def _goal(name: str, known: Known, rate: float | None) -> PartFacts:
    goal = known.goals.get(name)
    if goal is None:
        # One process may tell of several goals; whoever is not told of belongs to one that does not answer.
        fault = next((fault for part, fault in known.faults.items() if part.startswith("goals ")), None)
        state: State = "unknown" if fault is None else "not answering"
        return PartFacts(state, fault or "", total=known.results.get(name), counts="results")
    lag = goal.lag_records if known.produced is None else goal.behind(known.produced)
    return PartFacts(
        _query_state(lag, rate, running=goal.state == "running", failed=goal.error is not None),
        goal.error or "",
        rate=goal.input_records_per_second,
        lag=lag,
        total=known.results.get(name),
        counts="results",
        facts={
            "batch": goal.batch,
            "batch duration": None if goal.batch_duration_seconds is None else f"{goal.batch_duration_seconds:.2f} s",
            "watermark": goal.watermark,
            "late": goal.late_total,
            "dropped, state full": goal.dropped_total,
            "lacking a field": goal.incomplete_total,
            "restarts": goal.restarts,
        },
    )
