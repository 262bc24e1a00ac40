"""The Secrets that a pipeline refers to: read when needed, never watched, never kept for long."""

from __future__ import annotations

import base64
import hashlib
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from logpipeline.api import LogPipeline
from logpipeline_operator.cluster.client import Client
from logpipeline_operator.desired import SecretFacts
from logpipeline_operator.desired.secrets import secret_names

_KEPT_SECONDS = 10.0


def _text(value: str) -> str:
    """Return a value as those who use it read it: without the line break that shells and editors put at the end."""
    return base64.b64decode(value).decode(errors="replace").rstrip("\r\n")


@dataclass(frozen=True)
class Secret:
    """A Secret's values by key; what is shown of it leaves them out."""

    values: Mapping[str, str] = field(repr=False)

    def facts(self) -> SecretFacts:
        """Return what may be known of it outside."""
        digest = hashlib.sha256()
        for key, value in sorted(self.values.items()):
            for part in (key, value):
                digest.update(len(part.encode()).to_bytes(8) + part.encode())
        return SecretFacts(keys=frozenset(self.values), digest=digest.hexdigest()[:16])


class Secrets:
    """Reads Secrets; safe to use from several threads."""

    def __init__(self, client: Client, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: dict[tuple[str, str], tuple[float, Secret | None]] = {}

    def of(self, pipeline: LogPipeline) -> dict[str, Secret]:
        """Return the Secrets of a pipeline that are there, by name; raises ApiError."""
        found = {}
        for name in secret_names(pipeline):
            secret = self._read(pipeline.metadata.namespace, name)
            if secret is not None:
                found[name] = secret
        return found

    def _read(self, namespace: str, name: str) -> Secret | None:
        now = self._clock()
        with self._lock:
            self._kept = {key: entry for key, entry in self._kept.items() if entry[0] > now}
            if (entry := self._kept.get((namespace, name))) is not None:
                return entry[1]
        document = self._client.secret(namespace, name)
        secret = None
        if document is not None:
            data = document.get("data") or {}
            secret = Secret({key: _text(value) for key, value in data.items()})
        with self._lock:
            self._kept[namespace, name] = (now + _KEPT_SECONDS, secret)
        return secret
