"""Small files in a lake, on whatever store it is. A file is replaced as a whole: delta-rs writes a temporary file and
renames it, or puts one object.
"""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.fs
from deltalake.exceptions import DeltaError
from deltalake.fs import DeltaStorageHandler

from logpipeline.errors import LogPipelineError
from logpipeline.sql.reader import cause, location
from logpipeline.store import delta_rs_options

_BUFFER = 1 << 20


class LakeFiles:
    """The files of the lake at `uri`, by their paths within it; `secret` are the entries of the Secret of its store.

    Its methods raise LogPipelineError when the store cannot be read or written.
    """

    def __init__(self, uri: str, secret: Mapping[str, str]) -> None:
        self._uri = uri.rstrip("/")
        handler = DeltaStorageHandler(location(self._uri), options=delta_rs_options(secret))
        self._files = pyarrow.fs.PyFileSystem(handler)

    def below(self, folder: str) -> list[str]:
        """Return the paths of the files below `folder`, none where it is not there."""
        selector = pyarrow.fs.FileSelector(folder, recursive=True, allow_not_found=True)
        try:
            return [info.path for info in self._files.get_file_info(selector) if info.is_file]
        except (DeltaError, OSError) as error:
            raise self._fault(folder, "read", error) from error

    def read(self, path: str) -> bytes:
        """Return what is in a file."""
        try:
            with self._files.open_input_file(path) as file:
                content: bytes = file.read()
        except (DeltaError, OSError) as error:
            raise self._fault(path, "read", error) from error
        return content

    def write(self, path: str, content: bytes) -> None:
        """Store a file in place of one that is there."""
        try:
            # The buffer is what hands bytes to delta-rs; it takes nothing else.
            with pa.BufferedOutputStream(self._files.open_output_stream(path), _BUFFER) as file:
                file.write(content)
        except (DeltaError, OSError) as error:
            raise self._fault(path, "written", error) from error

    def remove(self, path: str) -> None:
        """Remove a file."""
        try:
            self._files.delete_file(path)
        except (DeltaError, OSError) as error:
            raise self._fault(path, "removed", error) from error

    def named(self, path: str) -> str:
        """Return the URI of a file."""
        return f"{self._uri}/{path}"

    def _fault(self, path: str, what: str, error: Exception) -> LogPipelineError:
        return LogPipelineError(f"{self.named(path)}: cannot be {what}: {cause(error)}")
