"""Writes the children of a pipeline, and nothing that is another's."""

from __future__ import annotations

import logging
from collections.abc import Container, Sequence
from dataclasses import dataclass

from logpipeline_operator.cluster.cache import Cache
from logpipeline_operator.cluster.client import CONFLICT, ApiError, Client
from logpipeline_operator.cluster.kinds import COMPONENT_LABEL, Document, ObjectKey, PipelineKey, key_of, kind_of
from logpipeline_operator.logs import fields
from logpipeline_operator.ownership import Ownership, holds_up
from logpipeline_operator.plan import onto, plan

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Written:
    """What the API server refused, and the live objects of others that have the names of children."""

    failures: list[ApiError]
    taken: list[Document]


class Writer:
    """Makes the live children the desired ones; a pipeline in one thread at a time."""

    def __init__(self, client: Client, cache: Cache) -> None:
        self._client = client
        self._cache = cache

    def write(
        self,
        objects: Sequence[Document],
        key: PipelineKey,
        uid: str,
        *,
        keep_volumes: bool,
        held_back: Container[ObjectKey] = (),
    ) -> Written:
        """Write what differs, but for what is `held_back`; one refusal does not hold up the rest."""
        live = self._cache.children(key)
        ownership = Ownership.among(live.values(), key, uid)
        to_do = plan(objects, live, ownership, keep_volumes=keep_volumes)
        taken, failures = list(to_do.taken), []
        for document, paths in to_do.apply:
            if key_of(document) in held_back or any(holds_up(other, document) for other, _ in taken):
                continue
            try:
                there = self._apply(ownership, document, paths)
            except ApiError as error:
                failures.append(error)
                continue
            if there is not None:
                taken.append((document, there))
        for document in to_do.delete:
            metadata = document["metadata"]
            _LOG.info("delete %s %s: not desired any more", document["kind"], metadata["name"], extra=fields(key))
            try:
                self._client.delete(kind_of(document), metadata["namespace"], metadata["name"], metadata["uid"])
            except ApiError as error:
                failures.append(error)
        return Written(failures, [there for _, there in taken])

    def _apply(self, ownership: Ownership, document: Document, paths: Sequence[str]) -> Document | None:
        """Apply an object, unless its name is another's, of which no watch tells: that one is returned and not written.

        Raises ApiError.
        """
        kind, metadata = kind_of(document), document["metadata"]
        applied = self._client.apply(kind, document) if "uid" in metadata else self._client.create(kind, document)
        if applied is None:
            there = self._client.get(kind, metadata["namespace"], metadata["name"])
            if there is None:
                raise ApiError(CONFLICT, "Conflict", f"{kind.name} {metadata['name']} has just been deleted")
            if not ownership.has(there):
                return there
            applied = self._client.apply(kind, onto(document, there))
        where = fields(ownership.pipeline, metadata["labels"].get(COMPONENT_LABEL))
        _LOG.info("applied %s %s: %s", kind.name, metadata["name"], ", ".join(paths), extra=where)
        self._cache.put(applied)
        return None
