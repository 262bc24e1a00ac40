"""The pages of scheduled reports, out of a lake to whoever asks its writer: it has the store that they are in."""

from __future__ import annotations

import threading

import orjson
from py4j.protocol import Py4JJavaError
from pyspark.sql import SparkSession

from logpipeline.lake.names import PAGE, PAGES
from logpipeline.serving import Reply
from logpipeline_spark.failures import cause, java_text
from logpipeline_spark.hadoop import Folder
from logpipeline_spark.host import JVM_GONE

_MOST = 500
# Fewer than the server has threads: a store that hangs must not keep /healthz from being answered.
_READERS = 2
_JSON, _TEXT, _HTML = "application/json", "text/plain; charset=utf-8", "text/html; charset=utf-8"
_OK, _ABSENT, _UNAVAILABLE = "200 OK", "404 Not Found", "503 Service Unavailable"


class Pages:
    """The folder of pages of a lake at `uri`; before it is opened it says that it cannot be read yet."""

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._spark: SparkSession | None = None
        self._readers = threading.BoundedSemaphore(_READERS)

    def open(self, spark: SparkSession) -> None:
        """Read the lake through `spark` from now on."""
        self._spark = spark

    def reply(self, path: str) -> Reply:
        """Return the newest pages as JSON for the empty path, and for a page's its content."""
        if not self._readers.acquire(blocking=False):
            return _UNAVAILABLE, _TEXT, b"other pages are being read; try again\n"
        try:
            if self._spark is None:
                return _UNAVAILABLE, _TEXT, b"the writer of the lake is starting\n"
            folder = Folder(self._spark, self._uri)
            if not path:
                return _OK, _JSON, orjson.dumps(_listed(folder))
            # No other path reaches the store.
            if not PAGE.fullmatch(path) or not folder.exists(f"{PAGES}/{path}"):
                return _ABSENT, _TEXT, b"there is no such page\n"
            return _OK, _HTML, folder.read_bytes(f"{PAGES}/{path}")
        except JVM_GONE as error:
            fault = cause(java_text(error)) if isinstance(error, Py4JJavaError) else "the JVM has ended"
            return _UNAVAILABLE, _TEXT, f"the lake cannot be read: {fault}\n".encode()
        finally:
            self._readers.release()


def _listed(folder: Folder) -> list[dict[str, str | int]]:
    found = [(match, file) for file in folder.files(PAGES) if (match := PAGE.fullmatch(file.path))]
    found.sort(key=lambda page: page[0].group("last", "report", "first"), reverse=True)
    return [{**match.groupdict(), "path": file.path, "bytes": file.bytes} for match, file in found[:_MOST]]
