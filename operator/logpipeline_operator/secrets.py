"""The Secrets of a pipeline: read when needed, never watched, never kept for long; some are generated, once."""

from __future__ import annotations

import base64
import hashlib
import secrets
import threading
import time
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from logpipeline.api import LogPipeline
from logpipeline_operator.cluster.client import ApiError, Client
from logpipeline_operator.cluster.kinds import COMPONENT_LABEL, GOAL_LABEL, Document, ObjectKey, key_of
from logpipeline_operator.desired import SecretFacts
from logpipeline_operator.desired.generated import generated_secrets
from logpipeline_operator.desired.secrets import secret_names

_KEPT_SECONDS = 10.0
_RANDOM_BYTES = 32
_INVALID = 422


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


@dataclass(frozen=True)
class FoundSecrets:
    """The Secrets of a pipeline that exist, by name, and why others could not be read, by name."""

    found: Mapping[str, Secret]
    unreadable: Mapping[str, ApiError]


def holds_back(objects: Iterable[Document], unreadable: Container[str]) -> frozenset[ObjectKey]:
    """Return which of the desired `objects` must stay as they are while Secrets cannot be read: all those of each
    component that mounts one. Their configuration and their pods are made from what the Secret holds, so without it
    they would be rolled for nothing.
    """
    objects = list(objects)
    components = {_component(item) for item in objects if any(name in unreadable for name in _mounted(item))}
    return frozenset(key_of(item) for item in objects if _component(item) in components)


def _component(document: Document) -> tuple[str | None, str | None]:
    labels = document["metadata"]["labels"]
    return labels.get(COMPONENT_LABEL), labels.get(GOAL_LABEL)


def _mounted(document: Document) -> Iterator[str]:
    spec = document.get("spec", {}).get("template", {}).get("spec", {})
    for volume in spec.get("volumes") or []:
        if "secret" in volume:
            yield volume["secret"]["secretName"]


class Secrets:
    """Reads and generates Secrets; safe to use from several threads."""

    def __init__(self, client: Client, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: dict[tuple[str, str], tuple[float, Secret | None]] = {}

    def of(self, pipeline: LogPipeline) -> FoundSecrets:
        """Return the Secrets that a pipeline refers to."""
        found: dict[str, Secret] = {}
        unreadable: dict[str, ApiError] = {}
        for name in secret_names(pipeline):
            try:
                secret = self._read(pipeline.metadata.namespace, name)
            except ApiError as error:
                message = f"the Secret {name!r} cannot be read: {error.message}"
                unreadable[name] = ApiError(error.status, error.reason, message)
            else:
                if secret is not None:
                    found[name] = secret
        return FoundSecrets(found, unreadable)

    def generate(self, pipeline: LogPipeline) -> list[ApiError]:
        """Create the generated Secrets of a pipeline that are not there, and return what is in the way.

        One that is there is never written: those who know its contents would have to learn of the change together.
        """
        failures = []
        for wanted in generated_secrets(pipeline):
            namespace = pipeline.metadata.namespace
            try:
                secret = self._read(namespace, wanted.name)
            except ApiError:
                # `of` says why.
                continue
            if secret is None:
                try:
                    self._client.create_secret(wanted.document(secrets.token_urlsafe(_RANDOM_BYTES)))
                except ApiError as error:
                    failures.append(error)
                with self._lock:
                    self._kept.pop((namespace, wanted.name), None)
            elif missing := sorted(key for key in wanted.keys if not secret.values.get(key)):
                remedy = "delete the Secret, and the operator generates it"
                text = f"the Secret {wanted.name!r} has no {' and no '.join(missing)}; {remedy}"
                failures.append(ApiError(_INVALID, "Invalid", text))
        return failures

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
