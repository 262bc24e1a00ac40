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
    """Return `objects` with no replicas of the workloads that stand still at `stage`; the volumes stay."""

    def stands_still(item: dict[str, Any]) -> bool:
        component = item["metadata"]["labels"][COMPONENT_LABEL]
        return item["kind"] in ("StatefulSet", "Deployment") and component in _STOPPED[stage]

    return [{**item, "spec": {**item["spec"], "replicas": 0}} if stands_still(item) else item for item in objects]
