"""What of a LogPipeline on the cluster takes effect, and what its status has to remember for that: pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from logpipeline.acceptance import Acceptance, RunningGoal, accept
from logpipeline.api import LogPipeline
from logpipeline.errors import ResourceError
from logpipeline.names import default_names, named
from logpipeline_operator.desired.component import reads_as_a_goal


def accepted(pipeline: LogPipeline, status: Mapping[str, Any]) -> Acceptance:
    """Return what of a resource takes effect, given what its status remembers; raises ResourceError."""
    running = running_goals(status)
    if reads_as_a_goal(pipeline.name) and not running:
        other = pipeline.name.partition("-goal")[0]
        fault = (
            f"metadata.name: {pipeline.name!r}: its objects could have the names of those of a goal of {other!r}; take "
            "a name that neither ends in -goal nor holds -goal-"
        )
        raise ResourceError([fault])
    if pipeline.spec.lake is not None and (pipeline.spec.lake.uri or "").startswith("file:"):
        fault = (
            f"spec.lake.uri: {pipeline.spec.lake.uri!r}: on a cluster a pod's own disk goes with the pod; leave uri "
            "out for a volume, or name a store such as s3a://bucket/folder"
        )
        raise ResourceError([fault])
    return accept(named(pipeline, default_names(pipeline, status)), running)


def running_goals(status: Mapping[str, Any]) -> dict[str, RunningGoal]:
    """Return what the goals run, as the status remembers it."""
    return {
        goal["name"]: RunningGoal(goal["stateVersion"], goal["rule"])
        for goal in status.get("goals") or []
        if "rule" in goal and "stateVersion" in goal
    }


def remembering(status: Mapping[str, Any], acceptance: Acceptance, previous: Mapping[str, Any]) -> dict[str, Any]:
    """Return `status` with what each goal runs and what the pipeline is called; `accepted` reads both back at the next
    pass. `previous` is the status so far.
    """
    entries = []
    for entry in status["goals"]:
        goal = acceptance.running[entry["name"]]
        rule = {name: value for name, value in goal.rule.items() if value is not None}
        entries.append({**entry, "stateVersion": goal.state_version, "rule": rule})
    return {**status, "goals": entries, "names": default_names(acceptance.pipeline, previous)}
