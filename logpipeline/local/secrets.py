"""Secrets of external services: a folder a Secret, a file a key, as Kubernetes would mount them."""

from __future__ import annotations

from pathlib import Path

from logpipeline.kafka.properties import write_private
from logpipeline.kafka.security import Credentials, given_secret


def stage_secret(name: str, field: str, given: Path | None, staged: Path) -> Credentials:
    """Copy the Secret that `given_secret` returns to `staged`, readable by the owner alone, and return it.

    The line break that editors put at the end of a file is left out, for those who read the copies take every byte.
    """
    values = given_secret(name, field, given).values
    staged.mkdir(mode=0o700, parents=True, exist_ok=True)
    for old in staged.iterdir():
        old.unlink()
    for key, value in values.items():
        write_private(staged / key, value)
    return Credentials(values, str(staged))
