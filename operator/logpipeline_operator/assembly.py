"""The parts of the operator, put together."""

from __future__ import annotations

import logging
import threading
from functools import partial

from logpipeline.api import parse_stored
from logpipeline.errors import ResourceError
from logpipeline_operator.accepted import accepted
from logpipeline_operator.canary import Canary
from logpipeline_operator.cluster.cache import Cache
from logpipeline_operator.cluster.client import Client
from logpipeline_operator.cluster.kinds import PipelineKey
from logpipeline_operator.configuration import Configuration
from logpipeline_operator.controller import Controller
from logpipeline_operator.creations import Creations
from logpipeline_operator.endpoints import endpoints_of
from logpipeline_operator.logs import fields
from logpipeline_operator.observations import Observations
from logpipeline_operator.observe.facts import Facts
from logpipeline_operator.observe.observer import Observer
from logpipeline_operator.pipelines import Pipelines
from logpipeline_operator.reconcile import Reconciler
from logpipeline_operator.report import Reporter
from logpipeline_operator.resync import Resync
from logpipeline_operator.secrets import Secrets
from logpipeline_operator.status.events import removals
from logpipeline_operator.threads import running_after, start

_LOG = logging.getLogger(__name__)

# Less than the pod's terminationGracePeriodSeconds, of which kopf takes a part before.
_STOP_SECONDS = 15.0
# A look at a data path waits, a pass works: so many looks beside each pass, of one namespace half as many.
LOOKS = 8


class Operator:
    """One operator process that leads."""

    def __init__(self, configuration: Configuration, client: Client) -> None:
        self._configuration = configuration
        self._pipelines, self._cache = Pipelines(), Cache()
        self._secrets = Secrets(client)
        self._canary = (
            Canary(client, configuration.namespace, configuration.deployment) if configuration.canary else None
        )
        self.controller = Controller(configuration.namespaces, self._pipelines, self._cache, self._canary)
        self._resync = Resync(client, self.controller, self._pipelines, self._cache, configuration.resync)
        self._observer = Observer()
        self._observations = Observations(self._look, self.controller.queue.add, LOOKS * configuration.workers // 2)
        creations = Creations(client)
        reporter = Reporter(client, self._pipelines, self.controller.queue.add, configuration.pod_name)
        self._reporter = reporter
        self._reconciler = Reconciler(
            client,
            self._pipelines,
            self._cache,
            self._secrets,
            configuration.settings,
            self._observations,
            creations,
            reporter,
        )
        for part in (self._observations, self._observer, self._reconciler, creations, reporter):
            self.controller.on_gone(part.forget)
        self._leads = False
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Learn what is there, then begin to work."""
        self._leads = True
        self._resync.begin()
        self._threads += self.controller.start(self._configuration.workers, self._reconciler.reconcile)
        self._threads += self._observations.start(LOOKS * self._configuration.workers)
        self._threads.append(start("resync", self._resync.run))
        if self._canary is not None:
            self._threads.append(start("canary", partial(self._canary.run, self._stopping)))

    def stop(self) -> list[str]:
        """Begin nothing more, wait for what is being done, and return the threads that have not ended in time: they may
        still write.
        """
        self._stopping.set()
        self.controller.close()
        self._observations.close()
        running = running_after(self._threads, _STOP_SECONDS)
        self._observer.close()
        return running

    def fault(self) -> str | None:
        """Return what keeps the operator from doing its work and a restart may end, None when nothing does."""
        if not self._leads or self._canary is None or self._resync.failure(self._canary.key.namespace):
            return None
        return self._canary.silent()

    def starting(self) -> str | None:
        """Return what a start still waits for; a replica that waits for the Lease is ready to take over."""
        return "no namespace could be listed yet" if self._leads and not self.controller.is_ready() else None

    def _look(self, key: PipelineKey) -> tuple[Facts, float] | None:
        document = self._pipelines.get(key)
        if document is None:
            return None
        try:
            pipeline = accepted(parse_stored(document).pipeline, document.get("status") or {}).pipeline
        except ResourceError:
            return None
        read = self._secrets.of(pipeline)
        for error in read.unreadable.values():
            raise error
        secrets = {name: secret.values for name, secret in read.found.items()}
        facts = self._observer.observe(
            pipeline,
            endpoints_of(pipeline, self._configuration.settings),
            secrets,
            self._cache.children(key).values(),
        )
        for event in removals(facts.removed_connectors):
            _LOG.warning("%s", event.message, extra=fields(key, "connect"))
            self._reporter.record(key, document, event)
        # What stands still is not asked how it moves.
        quiet = pipeline.spec.suspend and not any(workload.desired for workload in facts.workloads)
        return facts, self._configuration.resync if quiet else self._configuration.observe
