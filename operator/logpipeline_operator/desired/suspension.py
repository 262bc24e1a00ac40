"""A pipeline stops from its source to its data, so that nothing is lost and nothing is done twice."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from logpipeline_operator.cluster.kinds import COMPONENT_LABEL


class Stage(StrEnum):
    """How much of a pipeline stands still."""

    RUNNING = "running"
    SOURCES_STOPPED = "sources-stopped"
    CONSUMERS_STOPPED = "consumers-stopped"
    ALL_STOPPED = "all-stopped"


_STOPPED = {
    Stage.RUNNING: frozenset[str](),
    Stage.SOURCES_STOPPED: frozenset({"generator"}),
    Stage.CONSUMERS_STOPPED: frozenset({"generator", "goal", "lake", "connect", "alert-bridge", "console"}),
    Stage.ALL_STOPPED: frozenset(
        {"generator", "goal", "lake", "connect", "alert-bridge", "console", "kafka", "elasticsearch", "kibana"}
    ),
}


def suspended(objects: Sequence[dict[str, Any]], stage: Stage) -> list[dict[str, Any]]:
    """Return `objects` with no replicas of the workloads that are stopped at `stage`, and no new runs of what is
    scheduled; the volumes stay.
    """
    stopping = ((item, _stopping(item, stage)) for item in objects)
    return [{**item, "spec": {**item["spec"], **fields}} if fields else item for item, fields in stopping]


def _stopping(item: dict[str, Any], stage: Stage) -> dict[str, Any]:
    """Return the fields of an object's spec that stop it at `stage`, none where it goes on."""
    if item["kind"] == "CronJob":
        return {} if stage is Stage.RUNNING else {"suspend": True}
    stopped = item["metadata"]["labels"][COMPONENT_LABEL] in _STOPPED[stage]
    return {"replicas": 0} if stopped and item["kind"] in ("StatefulSet", "Deployment") else {}
