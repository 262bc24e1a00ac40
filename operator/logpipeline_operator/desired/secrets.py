"""The user's Secrets as the pods see them: mounted as folders, known here by their keys and a digest alone."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SecretFacts:
    """What may be known of a Secret: the names of its entries, and a digest of their contents.

    The digest goes into the pods that mount the Secret, so that a rotated one rolls them.
    """

    keys: frozenset[str]
    digest: str
