"""The LogPipelines as the watch tells of them."""

from __future__ import annotations

import threading
import zlib
from collections.abc import Iterable
from typing import Any

import orjson

from logpipeline_operator.cluster.deletions import Deletions
from logpipeline_operator.cluster.kinds import Document, PipelineKey, pipeline_key


class Pipelines:
    """The newest known document of each pipeline; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._documents: dict[PipelineKey, tuple[int, bytes]] = {}
        self._deletions: Deletions[PipelineKey] = Deletions()

    def put(self, document: Document) -> bool:
        """Take a document and return whether the user has changed something: what a status says is no change."""
        key, version = pipeline_key(document), int(document["metadata"]["resourceVersion"])
        document["metadata"].pop("managedFields", None)
        before = self.get(key)
        with self._lock:
            if self._deletions.covers(key, version):
                return False
            if key in self._documents and self._documents[key][0] >= version:
                return False
            self._documents[key] = (version, zlib.compress(orjson.dumps(document), 1))
        return before is None or _wish(before) != _wish(document)

    def get(self, key: PipelineKey) -> dict[str, Any] | None:
        """Return the newest document of a pipeline, None for one that is gone."""
        with self._lock:
            entry = self._documents.get(key)
        return orjson.loads(zlib.decompress(entry[1])) if entry else None

    def drop(self, key: PipelineKey, version: int) -> None:
        """Forget a pipeline that was deleted at the resource version `version`."""
        with self._lock:
            self._deletions.note(key, version)
            if key in self._documents and self._documents[key][0] <= version:
                del self._documents[key]

    def missing(self, listed: Iterable[Document], version: int, namespace: str | None) -> list[PipelineKey]:
        """Return the known pipelines of a namespace (None: of all) that a complete list, made at `version`, has not."""
        there = {pipeline_key(document) for document in listed}
        with self._lock:
            return [
                key
                for key, (known, _) in self._documents.items()
                if key not in there and known <= version and namespace in (None, key.namespace)
            ]

    def all(self) -> list[PipelineKey]:
        """Return all pipelines."""
        with self._lock:
            return list(self._documents)


def _wish(document: Document) -> tuple[Any, ...]:
    metadata = document["metadata"]
    return (metadata["uid"], metadata.get("generation"), metadata.get("deletionTimestamp"), metadata.get("labels"))
