"""How far a suspended pipeline may stop now: pure.

What reads stops after what writes, when it has read all of it: so the data that stays behind is whole, and the goals and
the connector resume where they were.
"""

from __future__ import annotations

from collections.abc import Mapping

from logpipeline_operator.cluster.kinds import Document, ObjectKey
from logpipeline_operator.desired import Stage

# Whoever writes from outside need not stop; then there is no end to wait for.
DRAIN_SECONDS = 120.0
_COMPONENT = "app.kubernetes.io/component"
_SOURCES, _CONSUMERS = frozenset({"generator"}), frozenset({"goal", "connect"})


def stage_of(*, suspend: bool, live: Mapping[ObjectKey, Document], drained: bool | None, waited: float) -> Stage:
    """Return the stage of a pipeline; `waited` is how many seconds ago its sources stopped.

    `drained` says whether the goals and the connector have read everything; None is unknown.
    """
    if not suspend:
        return Stage.RUNNING
    running = {
        document["metadata"]["labels"].get(_COMPONENT)
        for key, document in live.items()
        if key.kind == "Pod" or (key.kind in ("StatefulSet", "Deployment") and document["spec"].get("replicas"))
    }
    if running & _SOURCES:
        return Stage.SOURCES_STOPPED
    consumers_asked_to_stop = not any(
        document["spec"].get("replicas")
        for key, document in live.items()
        if key.kind in ("StatefulSet", "Deployment") and document["metadata"]["labels"].get(_COMPONENT) in _CONSUMERS
    )
    if not consumers_asked_to_stop and not drained and waited < DRAIN_SECONDS:
        return Stage.SOURCES_STOPPED
    return Stage.CONSUMERS_STOPPED if running & _CONSUMERS else Stage.ALL_STOPPED
