"""Secrets of external services: a folder a Secret, a file a key, as Kubernetes would mount them."""

from __future__ import annotations

from pathlib import Path

from logpipeline.errors import LogPipelineError
from logpipeline.kafka.properties import write_private
from logpipeline.kafka.security import Credentials, read_credentials


def stage_secret(name: str, field: str, given: Path | None, staged: Path) -> Credentials:
    """Copy the Secret `name` out of the folder `given` to `staged`, readable by the owner alone, and return it.

    `field` is where the resource names it. The line break that editors put at the end of a file is left out, for those
    who read the copies take every byte. Raises LogPipelineError when there is no such secret.
    """
    if given is None:
        raise LogPipelineError(
            f"{field}: names the Secret {name!r}; give its folder's parent with --secrets DIR (DIR/{name}/<key>)"
        )
    source = given / name
    if not source.is_dir():
        raise LogPipelineError(f"{field}: names the Secret {name!r}, and there is no folder {source}")
    staged.mkdir(mode=0o700, parents=True, exist_ok=True)
    for old in staged.iterdir():
        old.unlink()
    values = read_credentials(source).values
    for key, value in values.items():
        write_private(staged / key, value)
    return Credentials(values, str(staged))
