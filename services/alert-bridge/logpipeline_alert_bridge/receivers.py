"""Who is told: each address in a thread of its own, so that one that is down holds up nobody."""

from __future__ import annotations

import base64
import logging
import socket
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from logpipeline.backoff import Backoff
from logpipeline.errors import LogPipelineError
from logpipeline.web import RefusedError, fetch
from logpipeline_alert_bridge.episodes import Episode
from logpipeline_alert_bridge.ledger import Name
from logpipeline_alert_bridge.metrics import BridgeMetrics

_LOG = logging.getLogger(__name__)
RESEND_SECONDS = 30.0
"""Alertmanager forgets an alert that it is not told of again."""
_SEND_SECONDS = 5.0
_MOST_ALERTS = 256
Render = Callable[[Episode], dict[str, Any]]


class Credentials:
    """What a request to a receiver carries, read from a mounted Secret's `values`."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self.headers: dict[str, str] = {}
        if "token" in values:
            self.headers["Authorization"] = f"Bearer {values['token']}"
        elif "username" in values:
            pair = f"{values['username']}:{values.get('password', '')}"
            self.headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        self.context: ssl.SSLContext | None = None
        if "ca.crt" in values:
            try:
                self.context = ssl.create_default_context(cadata=values["ca.crt"])
            except (ssl.SSLError, ValueError) as error:
                raise LogPipelineError("ca.crt in the Secret of a receiver is not a certificate in PEM") from error


class Receiver:
    """One Alertmanager. `step` delivers what it has not been told yet, and again what it would forget."""

    once = False
    """Whether the ledger has to remember what it was told."""

    def __init__(self, name: str, url: str, credentials: Credentials, host: str | None = None) -> None:
        self.name = name
        self.url = url
        self._credentials = credentials
        self._host = host
        self._backoff = Backoff(first=2.0, longest=30.0)
        self._failing = False
        # State, opening and time of what it was told last.
        self._told: dict[Name, tuple[str, float, float]] = {}
        self._sending: Future[list[Episode]] | None = None

    def due(self, episodes: Sequence[Episode], now: float) -> list[Episode]:
        """Return those of `episodes` that it has to be told."""
        known = {(episode.goal, episode.key) for episode in episodes}
        self._told = {name: told for name, told in self._told.items() if name in known}
        return [episode for episode in episodes if self._is_due(episode, now)]

    def _is_due(self, episode: Episode, now: float) -> bool:
        told_at = self._told_at(episode)
        return told_at is None or now - told_at >= RESEND_SECONDS

    def _told_at(self, episode: Episode) -> float | None:
        """Return when it was told of the episode as it stands, by the steady clock, None when it was not."""
        state, opened_at, at = self._told.get((episode.goal, episode.key), ("", 0.0, 0.0))
        return at if (state, opened_at) == (episode.state, episode.opened_at) else None

    def step(
        self, episodes: Sequence[Episode], render: Render, pool: ThreadPoolExecutor, metrics: BridgeMetrics
    ) -> list[Episode]:
        """Take the answer to the last send and begin the next; returns the episodes that were delivered meanwhile."""
        delivered: list[Episode] = []
        if self._sending is not None:
            if not self._sending.done():
                return []
            delivered = self._answer(self._sending, metrics)
            self._sending = None
        due = self.due(episodes, time.monotonic())
        if due and (not self._failing or self._backoff.due(time.monotonic())):
            self._sending = pool.submit(self._send, due, render)
        return delivered

    def _answer(self, sending: Future[list[Episode]], metrics: BridgeMetrics) -> list[Episode]:
        try:
            delivered = sending.result()
        except (OSError, RefusedError) as error:
            if not self._failing:
                _LOG.warning("%s does not take alerts, trying again: %s", self.name, error)
            self._failing = True
            metrics.posted(self.name, success=False)
            return []
        if self._failing:
            _LOG.info("%s takes alerts again", self.name)
        self._failing = False
        metrics.posted(self.name, success=True)
        now = time.monotonic()
        for episode in delivered:
            self._told[episode.goal, episode.key] = (episode.state, episode.opened_at, now)
        return delivered

    def _send(self, episodes: list[Episode], render: Render) -> list[Episode]:
        for start in range(0, len(episodes), _MOST_ALERTS):
            self.post([render(episode) for episode in episodes[start : start + _MOST_ALERTS]])
        return episodes

    def post(self, body: Any) -> None:
        """POST `body` as JSON; raises OSError or RefusedError."""
        headers = self._credentials.headers | ({"Host": self._host} if self._host else {})
        context = self._credentials.context
        fetch(self.url, method="POST", body=body, headers=headers, timeout=_SEND_SECONDS, context=context)


class WebhookReceiver(Receiver):
    """A webhook: hears of each episode when it begins and when it ends, and of the same again only after a crash."""

    once = True

    def _is_due(self, episode: Episode, now: float) -> bool:  # noqa: ARG002 - it forgets nothing
        # The note of what it has just taken comes with the next turn.
        return episode.reported != episode.state and self._told_at(episode) is None

    def post(self, body: Any) -> None:
        """POST the alerts as one document."""
        super().post({"version": "1", "alerts": body})


def peers(urls: str) -> dict[str, tuple[str, str | None]]:
    """Return every address behind `urls` (with commas between): address → URL of its API, and the name for the Host
    header where the address stands in its place.

    Behind a name there can be several peers, each of which has to be told. A certificate is for the name, so an https
    name is left to the resolver.
    """
    found: dict[str, tuple[str, str | None]] = {}
    for url in urls.split(","):
        parts = urlsplit(url)
        path = f"{parts.path.rstrip('/')}/api/v2/alerts"
        if parts.scheme == "https":
            found[url] = urlunsplit((parts.scheme, parts.netloc, path, "", "")), None
            continue
        port = parts.port or 80
        for *_, address in socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM):
            host = f"[{address[0]}]" if ":" in str(address[0]) else address[0]
            found[f"http://{host}:{port}"] = urlunsplit(("http", f"{host}:{port}", path, "", "")), parts.netloc
    return found
