"""The parts of the operator, put together."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from logpipeline.api import parse_stored
from logpipeline.errors import ResourceError
from logpipeline_operator.accepted import accepted
from logpipeline_operator.canary import BEAT_SECONDS, Canary
from logpipeline_operator.cluster.cache import Cache
from logpipeline_operator.cluster.client import ApiError, Client
from logpipeline_operator.cluster.kinds import PipelineKey
from logpipeline_operator.configuration import Configuration
from logpipeline_operator.controller import Controller
from logpipeline_operator.endpoints import endpoints_of
from logpipeline_operator.observations import Observations
from logpipeline_operator.observe.facts import Facts
from logpipeline_operator.observe.observer import Observer
from logpipeline_operator.pipelines import Pipelines
from logpipeline_operator.reconcile import Reconciler
from logpipeline_operator.report import Reporter
from logpipeline_operator.secrets import Secrets

_LOG = logging.getLogger(__name__)

# The watches of all kinds list at about the same time, at the start and after the API server was away.
_LISTS_SECONDS = 5.0
# A look at a data path waits, a pass works: so many looks beside each pass.
LOOKS = 4


class Operator:
    """One operator process that leads."""

    def __init__(self, configuration: Configuration, client: Client) -> None:
        self._configuration = configuration
        self._pipelines, self._cache = Pipelines(), Cache()
        self._secrets = Secrets(client)
        self._canary = (
            Canary(client, configuration.namespace, configuration.deployment) if configuration.canary else None
        )
        self.controller = Controller(client, configuration.namespaces, self._pipelines, self._cache, self._canary)
        self._observer = Observer()
        self._observations = Observations(self._look, self.controller.queue.add)
        reporter = Reporter(client, self._pipelines, configuration.pod_name)
        self._reconciler = Reconciler(
            client,
            self._pipelines,
            self._cache,
            self._secrets,
            configuration.settings,
            self._observations,
            reporter,
        )
        for forget in (self._observations.forget, self._observer.forget, self._reconciler.forget, reporter.forget):
            self.controller.on_gone(forget)
        self._leads = False
        self._synced = False
        self._stopping = threading.Event()

    def start(self) -> None:
        """Learn what is there, then begin to work; raises ApiError."""
        self._leads = True
        self.controller.resync()
        self._synced = True
        self.controller.start(self._configuration.workers, self._reconciler.reconcile)
        self._observations.start(LOOKS * self._configuration.workers)
        threading.Thread(target=self._keep_synced, name="resync", daemon=True).start()
        if self._canary is not None:
            self._canary.beat()
            self._every(BEAT_SECONDS, self._canary.beat)

    def stop(self) -> None:
        """Begin no more passes."""
        self._stopping.set()
        self.controller.resync_due.set()
        self.controller.queue.close()
        self._observations.close()
        self._observer.close()

    def fault(self) -> str | None:
        """Return what keeps the operator from doing its work for good, None when nothing does."""
        if not self._leads:
            return None
        return self.controller.fault() or (self._canary.silent() if self._canary is not None else None)

    def starting(self) -> str | None:
        """Return what a start still waits for; a replica that waits for the Lease is ready to take over."""
        return "learning what is there" if self._leads and not self._synced else None

    def _look(self, key: PipelineKey) -> tuple[Facts, float] | None:
        document = self._pipelines.get(key)
        if document is None:
            return None
        try:
            pipeline = accepted(parse_stored(document).pipeline, document.get("status") or {}).pipeline
        except ResourceError:
            return None
        secrets = {name: secret.values for name, secret in self._secrets.of(pipeline).items()}
        facts = self._observer.observe(
            pipeline,
            endpoints_of(pipeline, self._configuration.settings),
            secrets,
            self._cache.children(key).values(),
        )
        # What stands still is not asked how it moves.
        quiet = pipeline.spec.suspend and not any(workload.desired for workload in facts.workloads)
        return facts, self._configuration.resync if quiet else self._configuration.observe

    def _keep_synced(self) -> None:
        due = self.controller.resync_due
        while True:
            asked = due.wait(self._configuration.resync)
            if self._stopping.wait(_LISTS_SECONDS if asked else 0):
                return
            due.clear()
            try:
                self.controller.resync()
            except ApiError as error:
                _LOG.warning("the full list failed and is tried again: %s", error)

    def _every(self, seconds: float, action: Callable[[], None]) -> None:
        def repeat() -> None:
            while not self._stopping.wait(seconds):
                action()

        threading.Thread(target=repeat, name=f"every-{seconds:g}-s", daemon=True).start()
