"""The live children of all pipelines, as the watches told of them.

A thousand pipelines have tens of thousands of children. Kept as compressed JSON they take a tenth of the memory that
Python objects do; one pass over a pipeline reads a few dozen of them.
"""

from __future__ import annotations

import threading
import zlib
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import orjson

from logpipeline_operator.cluster.deletions import Deletions
from logpipeline_operator.cluster.kinds import Document, Kind, ObjectKey, PipelineKey, key_of, pipeline_of

_LEVEL = 1


class Cache:
    """Live objects by pipeline; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._objects: dict[PipelineKey, dict[ObjectKey, tuple[int, bytes]]] = defaultdict(dict)
        self._deletions: Deletions[tuple[PipelineKey, ObjectKey]] = Deletions()

    def put(self, document: Document) -> PipelineKey | None:
        """Take an object as it is now and return its pipeline; None for what is not ours, or old news."""
        pipeline = pipeline_of(document)
        if pipeline is None:
            return None
        metadata = document["metadata"]
        version = int(metadata["resourceVersion"])
        metadata.pop("managedFields", None)
        packed = zlib.compress(orjson.dumps(document), _LEVEL)
        key = key_of(document)
        with self._lock:
            if self._deletions.covers((pipeline, key), version):
                return None
            objects = self._objects[pipeline]
            if key in objects and objects[key][0] > version:
                return None
            objects[key] = (version, packed)
        return pipeline

    def drop(self, document: Document) -> PipelineKey | None:
        """Forget an object that was deleted and return its pipeline."""
        pipeline = pipeline_of(document)
        if pipeline is None:
            return None
        version = int(document["metadata"]["resourceVersion"])
        with self._lock:
            objects, key = self._objects[pipeline], key_of(document)
            self._deletions.note((pipeline, key), version)
            if key in objects and objects[key][0] <= version:
                del objects[key]
            if not objects:
                del self._objects[pipeline]
        return pipeline

    def replace(
        self, kind: Kind, documents: Iterable[Document], version: str, namespace: str | None
    ) -> set[PipelineKey]:
        """Take a complete list of a kind in a namespace (None: in all), made at `version`; returns the pipelines for
        which something is different.

        What the watches have told since then stays.
        """
        changed = set()
        listed: set[tuple[PipelineKey, ObjectKey]] = set()
        for document in documents:
            pipeline = pipeline_of(document)
            if pipeline is None:
                continue
            listed.add((pipeline, key_of(document)))
            known = self._version(pipeline, key_of(document))
            if self.put(document) is not None and known != int(document["metadata"]["resourceVersion"]):
                changed.add(pipeline)
        with self._lock:
            for pipeline, objects in list(self._objects.items()):
                if namespace not in (None, pipeline.namespace):
                    continue
                gone = [
                    key
                    for key, (known, _) in objects.items()
                    if key.kind == kind.name and (pipeline, key) not in listed and known <= int(version)
                ]
                for key in gone:
                    del objects[key]
                if gone:
                    changed.add(pipeline)
        return changed

    def _version(self, pipeline: PipelineKey, key: ObjectKey) -> int | None:
        with self._lock:
            entry = self._objects[pipeline].get(key) if pipeline in self._objects else None
        return entry[0] if entry else None

    def children(self, pipeline: PipelineKey) -> dict[ObjectKey, dict[str, Any]]:
        """Return the live children of a pipeline."""
        with self._lock:
            packed = dict(self._objects.get(pipeline, {}))
        return {key: orjson.loads(zlib.decompress(data)) for key, (_, data) in packed.items()}
