"""Whether records flow: judged by the data path itself, never by pods. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from logpipeline.api import LogPipeline
from logpipeline_operator.observe.facts import Facts, GoalFacts
from logpipeline_operator.status.reasons import (
    FLOW,
    GOALS,
    KAFKA,
    LAKE,
    PARTS,
    SINK,
    Finding,
    Status,
    as_before,
    condition_of,
    reason_of,
    worst,
)

BEHIND_SECONDS = 60.0
# Nobody watches a history by the second.
LAKE_BEHIND_SECONDS = 600.0
IDLE_SECONDS = 300.0
INVALID_SHARE = 0.05
DEAD_LETTER_SHARE = 0.01


def flow_finding(
    pipeline: LogPipeline, facts: Facts, parts: Mapping[str, Finding], previous: Mapping[str, Any]
) -> Finding:
    """Return whether records flow, given the findings of the `parts` by condition and the status so far."""
    if pipeline.spec.suspend:
        return Finding("Unknown", "Suspended", "the pipeline is suspended")
    faults = [*_broken(parts), *_slow(pipeline, facts), *_spoilt(facts), *_nothing(pipeline, facts, previous)]
    if faults:
        return worst(faults)
    if not facts.looked and condition_of(previous, FLOW):
        return as_before(Finding("Unknown", "Unknown", "nobody has been asked yet"), previous, FLOW)
    lacking = [parts[name] for name in PARTS if parts[name].status != "True"]
    lacking = [finding for finding in lacking if reason_of(finding.reason).kind == "passing"]
    if lacking:
        # What restarts has flowed and will again; its lag shows if it does not.
        if condition_of(previous, FLOW).get("status") == "True":
            return Finding("True", "Healthy", "records flow")
        return Finding("Unknown", "Starting", worst(lacking).message)
    if not facts.kafka.records:
        return Finding("Unknown", "Starting", "the first record has not come yet")
    if any(facts.goals[goal.name].lag is None for goal in pipeline.spec.goals):
        return Finding("Unknown", "Unknown", "not every goal tells yet how far it is")
    return Finding("True", "Healthy", "records flow")


def _broken(parts: Mapping[str, Finding]) -> Iterator[Finding]:
    for part, reason in ((KAFKA, "KafkaDown"), (GOALS, "GoalFailed"), (SINK, "SinkDown"), (LAKE, "LakeFailed")):
        finding = parts[part]
        known = reason_of(finding.reason)
        if finding.status != "True" and known.kind == "fault":
            yield Finding("False", finding.reason if FLOW in known.conditions else reason, finding.message)


def _slow(pipeline: LogPipeline, facts: Facts) -> Iterator[Finding]:
    goals = [facts.goals[goal.name] for goal in pipeline.spec.goals if goal.name in facts.goals]
    late = [goal.name for goal in goals if _late(goal, facts.flow.rate)]
    if late:
        yield Finding("False", "GoalsLagging", f"more than a minute behind and not catching up: {', '.join(late)}")
    waiting, rate = facts.kafka.sink_lag, facts.flow.rate
    if waiting and rate and waiting / rate > BEHIND_SECONDS and facts.flow.sink_catches_up is False:
        yield Finding("False", "SinkBehind", "records wait for more than a minute to be indexed, and it gets no less")
    lake = facts.lake
    if lake and lake.lag and rate and lake.lag / rate > LAKE_BEHIND_SECONDS and lake.catches_up is False:
        yield Finding("False", "LakeBehind", "records wait for more than ten minutes for the lake, and it gets no less")


def _late(goal: GoalFacts, rate: float | None) -> bool:
    if not goal.lag or goal.catches_up is not False:
        return False
    seconds = goal.lag / rate if rate else goal.progress.lag_seconds if goal.progress else None
    return seconds is not None and seconds > BEHIND_SECONDS


def _spoilt(facts: Facts) -> Iterator[Finding]:
    invalid, dead = facts.flow.invalid_share, facts.flow.dead_letter_share
    if invalid is not None and invalid > INVALID_SHARE:
        yield Finding("False", "InvalidRecords", f"more than {INVALID_SHARE:.0%} of the newest records are not valid")
    # A record that is not valid is refused by the sink too.
    if dead is not None and dead - (invalid or 0.0) > DEAD_LETTER_SHARE:
        yield Finding(
            "False", "DeadLetters", f"Elasticsearch refused more than {DEAD_LETTER_SHARE:.0%} of the newest records"
        )


def _nothing(pipeline: LogPipeline, facts: Facts, previous: Mapping[str, Any]) -> Iterator[Finding]:
    records, idle = facts.kafka.records, facts.flow.idle_seconds
    if records is None:
        return
    # An operator that has just started has not watched for long enough to say so itself.
    was_idle = condition_of(previous, FLOW).get("reason") == "NoRecords" and previous.get("records") == records
    if was_idle or (idle is not None and idle >= IDLE_SECONDS):
        # Of a source that is not ours nobody knows whether it has anything to say.
        status: Status = "Unknown" if pipeline.spec.source.generator is None else "False"
        yield Finding(status, "NoRecords", "no record has come for five minutes")
