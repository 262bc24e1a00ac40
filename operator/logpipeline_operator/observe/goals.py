"""Asks a goal how far it is."""

from __future__ import annotations

from logpipeline.progress import read_progress
from logpipeline.web import RefusedError, fetch_json
from logpipeline_operator.observe.facts import Fault, FaultKind, GoalFacts
from logpipeline_operator.observe.faults import http_fault

_SECONDS = 2.0


def observe_goal(name: str, url: str) -> GoalFacts:
    """Return what the goal at the base `url` says of itself, or why it does not answer."""
    try:
        goals = {goal.goal: goal for goal in read_progress(fetch_json(f"{url}/progress", timeout=_SECONDS))}
    except OSError as error:
        return GoalFacts(name, fault=http_fault(error, name, url))
    except (RefusedError, ValueError, KeyError, TypeError, AttributeError):
        return GoalFacts(name, fault=Fault(FaultKind.UNREACHABLE, f"{name} at {url} answers and tells no progress"))
    if name not in goals:
        return GoalFacts(name, fault=Fault(FaultKind.UNREACHABLE, f"{url} belongs to another goal than {name}"))
    return GoalFacts(name, progress=goals[name])
