"""Where the lake of a pipeline is, and what opens its store."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from logpipeline.api import LogPipeline
from logpipeline.errors import LogPipelineError
from logpipeline.kafka.security import Credentials, given_secret
from logpipeline.store import check

SECRET_FIELD = "spec.lake.secretRef"  # noqa: S105 - a field
# Of these delta-rs makes another path.
_UNREADABLE = re.compile(r"[\[\]%?#]")


def store_secret(pipeline: LogPipeline, given: Path | None) -> Mapping[str, str]:
    """Return the entries of the Secret of the lake's store out of the folder `given`, none where it has none; raises
    LogPipelineError for one that is not there or cannot be used.
    """
    reference = pipeline.spec.lake.secret_ref if pipeline.spec.lake else None
    if reference is None:
        return {}
    return opened(given_secret(reference.name, SECRET_FIELD, given))


def opened(secret: Credentials) -> Mapping[str, str]:
    """Return the entries of the Secret of the lake's store, and let this process trust the certificates in it; raises
    LogPipelineError for entries that cannot be used.
    """
    check(secret.values, SECRET_FIELD)
    if "ca.crt" in secret.values:
        # delta-rs takes certificates from nowhere else.
        os.environ["SSL_CERT_FILE"] = secret.path("ca.crt")
    return secret.values


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
