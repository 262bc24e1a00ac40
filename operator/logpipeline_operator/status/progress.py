"""Whether something is on its way to what the resource says. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from logpipeline.api import LogPipeline
from logpipeline.api.reading import Stored
from logpipeline_operator.observe.facts import Facts
from logpipeline_operator.status.reasons import Finding, reason_of, worst


def doubts_about(stored: Stored) -> list[Finding]:
    """Return what of a stored resource this operator ignores, or runs to no purpose."""
    doubts = [Finding("False", "GoalPointless", fault) for fault in stored.objections]
    if stored.unknown:
        doubts.append(Finding("False", "FieldsIgnored", f"not known to this version: {', '.join(stored.unknown)}"))
    return doubts


def progressing_finding(
    pipeline: LogPipeline,
    facts: Facts,
    parts: Sequence[Finding],
    refusals: Sequence[str],
    failures: Sequence[str],
    doubts: Sequence[Finding],
) -> Finding:
    """Return whether creation, a rollout or a suspension goes on, and if it cannot, why; `parts` are all findings."""
    if pipeline.spec.suspend:
        return _suspension(facts)
    moving = [*_moving(facts), *(item for item in parts if item.status != "True" and not _is_fault(item))]
    stuck = [Finding("False", "ApplyFailed", message) for message in failures]
    stuck += [item for item in parts if item.status != "True" and _is_fault(item)]
    refused = [Finding("False", "ChangeRefused", message) for message in refusals]
    beside = [item.message for item in (*refused, *doubts)]
    if stuck:
        first = worst(stuck)
        return Finding("False", first.reason, "; ".join([first.message, *beside]))
    if refused or doubts:
        # It holds nothing else up, and whoever wrote the resource has to see it.
        return Finding("True" if moving else "False", worst([*refused, *doubts]).reason, "; ".join(beside))
    if moving:
        first = worst(moving)
        return Finding("True", first.reason, first.message)
    return Finding("False", "Complete", "everything is as the resource says")


def _suspension(facts: Facts) -> Finding:
    running = sorted({workload.component for workload in facts.workloads if workload.desired or workload.pods})
    if running:
        return Finding("True", "Draining", f"what is on its way is processed; still there: {', '.join(running)}")
    return Finding("False", "Suspended", "everything but the data stands still")


def _moving(facts: Facts) -> Iterator[Finding]:
    names = [workload.name for workload in facts.workloads if not workload.is_settled]
    if names:
        yield Finding("True", "RollingOut", f"pods are being replaced: {', '.join(names)}")


def _is_fault(finding: Finding) -> bool:
    return reason_of(finding.reason).kind == "fault"
