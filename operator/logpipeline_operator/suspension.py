"""How far a suspended pipeline may stop now: pure.

What reads stops after what writes, when it has read all of it: so the data that stays behind is whole, and the goals
and the connector resume where they were.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from logpipeline.api import LogPipeline
from logpipeline_operator.cluster.kinds import COMPONENT_LABEL, Document, ObjectKey
from logpipeline_operator.desired import Stage
from logpipeline_operator.observe.facts import Facts

# Whoever writes from outside need not stop; then there is no end to wait for.
DRAIN_LIMIT = timedelta(minutes=2)
_SOURCES, _CONSUMERS = frozenset({"generator"}), frozenset({"goal", "lake", "connect"})
_ENDED = frozenset({"Failed", "Succeeded"})
_WORKLOADS = ("StatefulSet", "Deployment")


def sources_run(live: Mapping[ObjectKey, Document]) -> bool:
    """Whether a pod of the pipeline's own may still write to the raw topic."""
    return bool(_running(live) & _SOURCES)


def next_stage(
    pipeline: LogPipeline, live: Mapping[ObjectKey, Document], facts: Facts, *, now: datetime, stopped: datetime | None
) -> Stage:
    """Return how much of a pipeline shall stand still; `stopped` is when its sources were first seen to have stopped,
    None while they run.
    """
    if not pipeline.spec.suspend:
        return Stage.RUNNING
    if stopped is None:
        return Stage.SOURCES_STOPPED
    if _wanted(live) & _CONSUMERS:
        # What was seen before the sources stopped does not count.
        done = facts.looked and facts.observed_at > stopped and facts.drained
        return Stage.CONSUMERS_STOPPED if done or now - stopped > DRAIN_LIMIT else Stage.SOURCES_STOPPED
    return Stage.CONSUMERS_STOPPED if _running(live) & _CONSUMERS else Stage.ALL_STOPPED


def _wanted(live: Mapping[ObjectKey, Document]) -> set[str | None]:
    return {
        document["metadata"]["labels"].get(COMPONENT_LABEL)
        for key, document in live.items()
        if key.kind in _WORKLOADS and document["spec"].get("replicas")
    }


def _running(live: Mapping[ObjectKey, Document]) -> set[str | None]:
    pods = {
        document["metadata"]["labels"].get(COMPONENT_LABEL)
        for key, document in live.items()
        # An evicted pod stays on the API server after it has ended.
        if key.kind == "Pod" and (document.get("status") or {}).get("phase") not in _ENDED
    }
    return pods | _wanted(live)
