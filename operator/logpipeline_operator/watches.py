"""kopf's part: it watches pipelines and their children and tells the operator. Handlers only take notes and ask for a
pass; a pass itself runs in a worker's thread.

Event handlers are the only ones used: they write no annotation and no finalizer, and nothing that they return ends in
a status.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, repeat
from typing import Any, Protocol

import kopf

from logpipeline_operator.cluster.kinds import CHILDREN, MANAGED_BY, MANAGED_BY_LABEL, PIPELINE, Document

SELECTOR = f"{MANAGED_BY_LABEL}={MANAGED_BY}"
# Without limits a watch whose connection died unnoticed stays silent for ever.
_SERVER_SECONDS, _CLIENT_SECONDS, _CONNECT_SECONDS = 300, 330, 10
# The longest is well below what the canary is given, so that the watch is back in time after the API server was away.
_BACKOFFS = (1.0, 1.0, 2.0, 3.0, 5.0, 8.0, 13.0, 21.0, 30.0)


class Backoffs:
    """The seconds between the attempts of a request, without an end.

    When they end, kopf gives up, and with one watch all others and the operator: a namespace that was deleted, and its
    RoleBinding with it, would stop the operator for all namespaces.
    """

    def __iter__(self) -> Iterator[float]:
        return chain(_BACKOFFS, repeat(_BACKOFFS[-1]))


class Listener(Protocol):
    """Who is told."""

    def pipeline_seen(self, document: Document) -> None:
        """A pipeline is there, or was changed."""

    def pipeline_gone(self, document: Document) -> None:
        """A pipeline was deleted."""

    def child_seen(self, document: Document) -> None:
        """A child is there, or was changed."""

    def child_gone(self, document: Document) -> None:
        """A child was deleted."""

    def watch_began(self, namespace: str) -> None:
        """A watch has listed an object of a namespace: it began, or begins anew after a gap."""


def registry(listener: Listener) -> kopf.OperatorRegistry:
    """Return the handlers that tell `listener`."""
    handlers = kopf.OperatorRegistry()

    @kopf.on.startup(registry=handlers)
    async def configure(settings: kopf.OperatorSettings, **_: Any) -> None:
        watching = settings.watching
        watching.server_timeout = _SERVER_SECONDS
        watching.client_timeout = _CLIENT_SECONDS
        watching.connect_timeout = _CONNECT_SECONDS
        for kind in CHILDREN:
            watching.label_selectors[kind.group, kind.version, kind.plural] = SELECTOR
        # Events are the operator's own affair, and namespaces and CRDs are known from the start.
        settings.posting.enabled = False
        settings.scanning.disabled = True
        settings.networking.error_backoffs = Backoffs()
        settings.networking.request_timeout = 30
        settings.networking.connect_timeout = _CONNECT_SECONDS

    @kopf.on.login(registry=handlers)
    async def login(**details: Any) -> kopf.ConnectionInfo | None:
        return kopf.login_via_client(**details)

    @kopf.on.event(PIPELINE.group, PIPELINE.version, PIPELINE.plural, registry=handlers)
    async def pipeline(event: kopf.RawEvent, **_: Any) -> None:
        document = _complete(event, PIPELINE.api_version, PIPELINE.name)
        if event["type"] == "DELETED":
            listener.pipeline_gone(document)
        else:
            listener.pipeline_seen(document)
        if event["type"] is None:
            listener.watch_began(document["metadata"]["namespace"])

    for kind in CHILDREN:

        @kopf.on.event(
            kind.group,
            kind.version,
            kind.plural,
            labels={MANAGED_BY_LABEL: MANAGED_BY},
            param=(kind.api_version, kind.name),
            registry=handlers,
        )
        async def child(event: kopf.RawEvent, param: Any = (), **_: Any) -> None:
            document = _complete(event, *param)
            if event["type"] == "DELETED":
                listener.child_gone(document)
            else:
                listener.child_seen(document)
            if event["type"] is None:
                listener.watch_began(document["metadata"]["namespace"])

    return handlers


def _complete(event: kopf.RawEvent, api_version: str, kind: str) -> Document:
    """Return the event's object; those that come from a list name neither version nor kind."""
    return {**event["object"], "apiVersion": api_version, "kind": kind, "metadata": dict(event["object"]["metadata"])}
