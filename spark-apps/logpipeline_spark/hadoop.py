"""Small files on any of Hadoop's file systems, which have no Python of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark.sql import SparkSession

# What Hadoop says of a file that is gone or cut off; anything else, as a store that does not answer, may pass.
_NOT_WHOLE = ("FileNotFoundException", "ChecksumException", "EOFException")


@dataclass(frozen=True)
class File:
    """A file: its path below the folder that was listed, its size in bytes, when it was written (epoch seconds)."""

    path: str
    bytes: int
    written: float


class Folder:
    """The folder `uri`; all methods raise Py4JJavaError when its store fails."""

    def __init__(self, spark: SparkSession, uri: str) -> None:
        jvm: Any = spark.sparkContext._jvm  # noqa: SLF001 - see above
        self._jvm = jvm
        self._path = jvm.org.apache.hadoop.fs.Path(uri)
        self._files = self._path.getFileSystem(spark.sparkContext._jsc.hadoopConfiguration())  # noqa: SLF001 - see above

    def exists(self, name: str) -> bool:
        """Return whether there is a file or folder `name`."""
        return bool(self._files.exists(self._below(name)))

    def read(self, name: str) -> str:
        """Return a file's text; empty where there is no whole file."""
        try:
            stream = self._files.open(self._below(name))
            try:
                return str(self._jvm.org.apache.commons.io.IOUtils.toString(stream, "UTF-8"))
            finally:
                stream.close()
        except Py4JJavaError as error:
            if error.java_exception.getClass().getSimpleName() in _NOT_WHOLE:
                return ""
            raise

    def read_bytes(self, name: str) -> bytes:
        """Return what is in a file."""
        stream = self._files.open(self._below(name))
        try:
            return bytes(self._jvm.org.apache.commons.io.IOUtils.toByteArray(stream))
        finally:
            stream.close()

    def files(self, name: str) -> list[File]:
        """Return the files below the folder `name`, however deep; none where it is not there."""
        if not self.exists(name):
            return []
        found, each = [], self._files.listFiles(self._below(name), True)
        folder = str(self._files.makeQualified(self._below(name)))
        while each.hasNext():
            status = each.next()
            path = str(self._files.makeQualified(status.getPath())).removeprefix(f"{folder}/")
            found.append(File(path, int(status.getLen()), status.getModificationTime() / 1000))
        return found

    def write(self, name: str, text: str) -> None:
        """Write a file, in place of an earlier one."""
        stream = self._files.create(self._below(name), True)
        stream.write(text.encode())
        stream.close()

    def replace(self, name: str, content: bytes) -> None:
        """Write a file in place of an earlier one; a reader sees all of it or nothing, and never a file that is not
        whole.
        """
        path = self._below(name)
        # What begins with a dot is no data to those who list a folder.
        hidden = self._jvm.org.apache.hadoop.fs.Path(path.getParent(), f".{path.getName()}")
        stream = self._files.create(hidden, True)
        stream.write(content)
        stream.close()
        self._files.delete(path, False)
        self._files.rename(hidden, path)

    def delete(self, name: str) -> None:
        """Delete a file."""
        self._files.delete(self._below(name), False)

    def changed(self, name: str) -> dict[str, float]:
        """Return by name when each file in the folder `name` was last changed (epoch seconds)."""
        return {
            str(status.getPath().getName()): status.getModificationTime() / 1000
            for status in self._files.listStatus(self._below(name))
        }

    def _below(self, name: str) -> Any:
        return self._jvm.org.apache.hadoop.fs.Path(self._path, name)
