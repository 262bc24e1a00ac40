"""Where the lake of a pipeline is."""

from __future__ import annotations

import re
from pathlib import Path

from logpipeline.api import LogPipeline
from logpipeline.errors import LogPipelineError

# Of these delta-rs makes another path.
_UNREADABLE = re.compile(r"[\[\]%?#]")


def lake_uri(pipeline: LogPipeline, folder: Path) -> str:
    """Return the URI of the lake of `pipeline`, which is in `folder` where the resource names no other place.

    Raises LogPipelineError for a pipeline without a lake, and for a folder that cannot hold one.
    """
    lake = pipeline.spec.lake
    if lake is None:
        raise LogPipelineError(f"{pipeline.name} has no lake; give it one: `spec: {{lake: {{}}}}`")
    if lake.uri is not None:
        return lake.uri
    where = str(folder.resolve())
    if found := _UNREADABLE.search(where):
        raise LogPipelineError(
            f"{where}: no lake can be in a folder with {found[0]!r} in its path; give another, or set spec.lake.uri"
        )
    # Not quoted: to Hadoop a path is what it is.
    return f"file://{where}"
