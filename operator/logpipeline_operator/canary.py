"""A resource of the operator's own that proves the watch alive.

A watch can go silent while the process lives. The operator changes an annotation of a suspended LogPipeline every so
often; when the watch no longer tells of it, the liveness probe fails and the kubelet starts the operator anew. Idea:
the canary resources of the Flink Kubernetes operator.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from logpipeline_operator.cluster.client import ApiError, Client
from logpipeline_operator.cluster.kinds import DEPLOYMENT, PIPELINE, Document, PipelineKey
from logpipeline_operator.metrics import CANARY_AGE

NAME = "logpipeline-canary"
LABEL = "logpipeline.dev/canary"
_ANNOTATION = "logpipeline.dev/heartbeat"
_BEAT_SECONDS = 30.0
_SILENT_SECONDS = 4 * _BEAT_SECONDS
_LOG = logging.getLogger(__name__)


def is_canary(document: Document) -> bool:
    """Whether a LogPipeline is the canary of this or another operator: nothing is made of it.

    The label alone does not make one, else a label on a user's pipeline would end its reconciliation.
    """
    metadata = document["metadata"]
    return metadata["name"] == NAME and (metadata.get("labels") or {}).get(LABEL) == "true"


class Canary:
    """Beats, and knows when the watch last told of it; `deployment`, the operator's own, owns it and takes it along."""

    def __init__(
        self,
        client: Client,
        namespace: str,
        deployment: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._deployment = deployment
        self.key = PipelineKey(namespace, NAME)
        self._clock = clock
        self._seen = clock()
        self._beaten = clock()
        CANARY_AGE.set_function(lambda: clock() - self._seen)

    def run(self, stopping: threading.Event) -> None:
        """Beat until `stopping` is set."""
        # A replica that waited for the Lease had no watch.
        self._seen = self._beaten = self._clock()
        self.beat()
        while not stopping.wait(_BEAT_SECONDS):
            self.beat()

    def beat(self) -> None:
        """Change the canary; a failure is told and tried again at the next beat."""
        try:
            self._client.apply(PIPELINE, self._document())
            self._beaten = self._clock()
        except ApiError as error:
            _LOG.warning("the canary %s could not be changed: %s", self.key, error)

    def _document(self) -> Document:
        owner = self._client.get(DEPLOYMENT, self.key.namespace, self._deployment) if self._deployment else None
        owners = []
        if owner is not None:
            name, uid = owner["metadata"]["name"], owner["metadata"]["uid"]
            owners = [{"apiVersion": DEPLOYMENT.api_version, "kind": DEPLOYMENT.name, "name": name, "uid": uid}]
        return {
            "apiVersion": PIPELINE.api_version,
            "kind": PIPELINE.name,
            "metadata": {
                "name": self.key.name,
                "namespace": self.key.namespace,
                "labels": {LABEL: "true"},
                "ownerReferences": owners,
                "annotations": {_ANNOTATION: f"{time.time():.0f}"},
            },
            "spec": {
                "suspend": True,
                "kafka": {"managed": {}},
                "goals": [{"name": "canary", "groupBy": ["host"], "window": {"size": "1m"}}],
            },
        }

    def seen(self) -> None:
        """Take note that the watch, and not a list, has delivered the canary."""
        self._seen = self._clock()

    def silent(self) -> str | None:
        """Return what is wrong when the watch has not told of a beat for two minutes, None while all is well.

        An API server that takes no beats proves nothing about the watch.
        """
        silence = self._beaten - self._seen
        if silence > _SILENT_SECONDS:
            return f"the watch has not told of the canary {self.key} for {silence:.0f} s"
        return None
