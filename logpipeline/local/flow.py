"""Whether a run flowed: what was produced has gone through every part."""

from __future__ import annotations

from logpipeline.local.facts import Facts


def sink_faults(facts: Facts) -> list[str]:
    """Return what keeps the index from being complete; nothing for a pipeline without one.

    Of all records ever produced Kafka may have dropped the oldest by now, so indexed and dead letters together are at
    least what is kept and at most what was produced. As long as nothing was dropped the two are one.
    """
    totals = facts.totals
    if totals is None or totals.dead_letters is None:
        return []
    if totals.indexed is None:
        return ["elasticsearch: does not tell how many records it has"]
    refused = totals.dead_letters if totals.refused is None else totals.refused
    carried = totals.indexed + refused
    if totals.kept <= carried <= totals.produced:
        return []
    sums = f"{totals.indexed:,} indexed and {refused:,} refused make {carried:,}"
    return [f"connector: {sums}, not the {totals.produced:,} records produced"]


def goal_faults(facts: Facts, names: list[str], produced_in_run: int) -> list[str]:
    """Return the goals that have not processed everything, and why."""
    faults = []
    for name in names:
        goal = facts.goals.get(name)
        behind = facts.behind(goal) if goal else None
        if goal is None:
            faults.append(f"goal {name}: does not answer")
        elif goal.state != "running":
            faults.append(f"goal {name}: is {goal.state}" + (f": {goal.error}" if goal.error else ""))
        elif behind is None:
            faults.append(f"goal {name}: does not tell how far it is")
        elif behind > 0:
            faults.append(f"goal {name}: is {behind:,} records behind")
        elif produced_in_run > 0 and not goal.records_total:
            faults.append(f"goal {name}: has processed nothing")
    return faults


def lake_faults(facts: Facts) -> list[str]:
    """Return what keeps the lake from holding every record; nothing for a pipeline without one."""
    if not any(component.name == "lake" for component in facts.components):
        return []
    lag = facts.lake_lag()
    if lag is None:
        return ["lake: does not report how far it is"]
    return [f"lake: is {lag:,} records behind"] if lag else []


def component_faults(facts: Facts, stopped: frozenset[str]) -> list[str]:
    """Return the components that are down; `stopped` are those that were stopped on purpose."""
    return [
        f"{component.name}: is {component.state}" + (f": {component.lacking}" if component.lacking else "")
        for component in facts.components
        if component.state != "running" and component.name not in stopped
    ]


def flow_faults(facts: Facts, names: list[str], produced_in_run: int, stopped: frozenset[str]) -> list[str]:
    """Return every reason why the run did not flow, the part's name first; none when it did."""
    if facts.totals is None:
        return ["kafka: does not tell what is on the topics", *component_faults(facts, stopped)]
    empty = [] if facts.totals.produced else ["source: no record on the raw topic"]
    return [
        *empty,
        *component_faults(facts, stopped),
        *goal_faults(facts, names, produced_in_run),
        *sink_faults(facts),
        *lake_faults(facts),
    ]
