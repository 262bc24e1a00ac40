"""Full lists of what is watched: they find what no watch event has told, and whether a namespace can be read at all.

Each namespace is listed on its own schedule. One that was deleted, and its RoleBinding with it, is refused and tried
again with backoff; the others do not notice.
"""

from __future__ import annotations

import logging

from logpipeline_operator.cluster.cache import Cache
from logpipeline_operator.cluster.client import ApiError, Client
from logpipeline_operator.cluster.kinds import CHILDREN, PIPELINE
from logpipeline_operator.controller import Controller
from logpipeline_operator.metrics import LIST_ERRORS
from logpipeline_operator.pipelines import Pipelines
from logpipeline_operator.watches import SELECTOR

_LOG = logging.getLogger(__name__)


class Resync:
    """Lists the namespaces of a controller every `seconds`."""

    def __init__(
        self, client: Client, controller: Controller, pipelines: Pipelines, cache: Cache, seconds: float
    ) -> None:
        self._client = client
        self._controller = controller
        self._pipelines = pipelines
        self._cache = cache
        self._seconds = seconds
        self._failing: dict[str, str] = {}

    def begin(self) -> None:
        """List every namespace once; one that fails is tried again later."""
        for scope in self._controller.scopes:
            self._controller.lists.add(scope)
        for _ in self._controller.scopes:
            if (due := self._controller.lists.take()) is not None:
                self._attempt(due)

    def run(self) -> None:
        """List what is due until the queue is closed."""
        while (scope := self._controller.lists.take()) is not None:
            self._attempt(scope)

    def failure(self, namespace: str) -> str | None:
        """Return why a namespace could not be listed the last time, None when it could."""
        return self._failing.get(self._controller.scope_of(namespace))

    def _attempt(self, scope: str) -> None:
        try:
            self._list(scope)
            self._failing.pop(scope, None)
        except ApiError as error:
            self._failing[scope] = error.message
            LIST_ERRORS.labels(scope).inc()
            _LOG.warning("cannot list %s: %s", f"the namespace {scope}" if scope else "all namespaces", error)
        failed = scope in self._failing
        self._controller.lists.done(scope, failed=failed)
        if not failed:
            self._controller.lists.add(scope, self._seconds)

    def _list(self, scope: str) -> None:
        namespace = scope or None
        documents, version = self._client.list(PIPELINE, namespace, "")
        for document in documents:
            self._controller.pipeline_listed(document)
        for key in self._pipelines.missing(documents, int(version), namespace):
            self._controller.forget(key, int(version))
        for kind in CHILDREN:
            children, version = self._client.list(kind, namespace, SELECTOR)
            for key in self._cache.replace(kind, children, version, namespace):
                self._controller.ask(key)
        self._controller.scope_listed(scope)
