"""How each goal is, and what the status says of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from logpipeline.api import LogPipeline
from logpipeline_operator.observe.facts import Facts, GoalFacts
from logpipeline_operator.status.numbers import batch_time, rounded
from logpipeline_operator.status.parts import fault_finding, waiting, workload_finding
from logpipeline_operator.status.reasons import Finding, reason_of, worst

# Before the goal's own liveness probe, which gives up after two minutes, so that the status can tell why it restarted.
_STALL_SECONDS = 90.0
_TRIGGERS = 8
# What a goal that does not answer does not lose: the operator compares changes with it, and people recover by it.
_LASTING = ("batch", "lastBatchTime", "offsets", "checkpoint", "stateVersion", "rule", "lastError")


def goal_findings(pipeline: LogPipeline, facts: Facts, previous: Mapping[str, Any]) -> dict[str, Finding]:
    """Return how each goal is, by its name; one that has not been asked yet still runs if it did by the `previous`
    status.
    """
    limit = max(_STALL_SECONDS, _TRIGGERS * pipeline.spec.spark.trigger.total_seconds())
    ran = {entry["name"] for entry in previous.get("goals") or [] if entry.get("state") == "running"}
    findings = {goal.name: _finding(goal.name, facts, limit) for goal in pipeline.spec.goals}
    return {
        name: _runs(name) if finding.reason == "Unknown" and name in ran else finding
        for name, finding in findings.items()
    }


def _runs(name: str) -> Finding:
    return Finding("True", "Ready", f"{name} runs")


def _finding(name: str, facts: Facts, limit: float) -> Finding:
    workload, goal = facts.workload("goal", name), facts.goals.get(name)
    pods = workload_finding(workload, name, facts.observed_at)
    if workload is None or workload.desired == 0:
        return pods
    progress = goal.progress if goal else None
    if progress is not None and progress.state == "failed":
        return Finding("False", "GoalFailed", f"{name}: {progress.error or 'no reason given'}")
    if goal is not None and _stalled(goal, limit):
        why = f"; executors: {workload.executor_fault}" if workload.executor_fault else ""
        return Finding("False", "GoalStalled", f"{name} makes no progress{why}")
    if pods.status != "True":
        return waiting(pods, progress.error if progress is not None else None)
    if goal is not None and goal.fault is not None:
        return fault_finding(goal.fault)
    if progress is None:
        return Finding("Unknown", "Unknown", f"{name} has not been asked yet")
    if progress.state != "running":
        return Finding("False", "Starting", f"{name} is starting" + (f": {progress.error}" if progress.error else ""))
    return _runs(name)


def _stalled(goal: GoalFacts, limit: float) -> bool:
    return bool(goal.progress) and bool(goal.lag) and (goal.still_seconds or 0.0) > limit


def goals_finding(findings: Mapping[str, Finding]) -> Finding:
    """Return the condition of all goals: the worst of them gives the reason, the message names each that lacks."""
    lacking = [finding for finding in findings.values() if finding.status != "True"]
    if not lacking:
        return Finding("True", "Ready", f"{len(findings)} of {len(findings)} goals run")
    first = worst(lacking)
    rest = [finding.message for finding in lacking if finding is not first]
    return Finding(first.status, first.reason, "; ".join([first.message, *rest]))


def goal_entries(
    pipeline: LogPipeline, facts: Facts, findings: Mapping[str, Finding], previous: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Return the entries of `status.goals`; `previous` is the status so far."""
    before = {entry["name"]: entry for entry in previous.get("goals") or []}
    return [_entry(goal.name, facts, findings[goal.name], before.get(goal.name, {})) for goal in pipeline.spec.goals]


def _entry(name: str, facts: Facts, finding: Finding, before: Mapping[str, Any]) -> dict[str, Any]:
    goal, workload = facts.goals.get(name, GoalFacts(name)), facts.workload("goal", name)
    progress = goal.progress
    lasting = _LASTING if facts.looked else before
    entry: dict[str, Any] = {key: before[key] for key in lasting if key in before}
    known: dict[str, Any] = {"lag": goal.lag, "recordsPerSecond": rounded(goal.rate)}
    if progress is not None:
        known |= {
            "batch": progress.batch,
            "lastBatchTime": batch_time(progress.last_batch_time),
            "offsets": dict(progress.offsets) if progress.offsets is not None else None,
            "checkpoint": progress.checkpoint,
            "stateVersion": progress.state_version,
            "rule": dict(progress.rule) if progress.rule is not None else None,
        }
    if workload is not None:
        known["restarts"] = workload.restarts
    known["lastError"] = _error(finding)
    entry |= {key: value for key, value in known.items() if value is not None}
    return {**entry, "name": name, "state": _state(finding, goal)}


def _state(finding: Finding, goal: GoalFacts) -> str:
    match finding.reason:
        case "Suspended":
            return "suspended"
        case "GoalStalled":
            return "stalled"
        case "Unreachable":
            return "unreachable"
        case "Ready":
            return "running"
        case "Unknown":
            return "unknown"
    if goal.progress is not None and goal.progress.state == "failed":
        return "failed"
    return "failed" if reason_of(finding.reason).kind == "fault" else "starting"


def _error(finding: Finding) -> str | None:
    """Return what is worth keeping as the goal's last error."""
    return finding.message if reason_of(finding.reason).kind == "fault" else None
