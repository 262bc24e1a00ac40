"""All objects of a pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from logpipeline.api import LogPipeline
from logpipeline_operator.desired.secrets import SecretFacts
from logpipeline_operator.settings import Settings


def desired(
    pipeline: LogPipeline,
    goal_pipelines: Mapping[str, dict[str, Any]],
    settings: Settings,
    secrets: Mapping[str, SecretFacts],
) -> list[dict[str, Any]]:
    """Return the objects of `pipeline` in the order in which they are applied.

    `goal_pipelines` holds, by the goal's name, the resource that the goal's container reads; `secrets` what is known of
    the Secrets that the resource names. A Secret that is not there yet is none of it: its pods wait for it.
    """
    raise NotImplementedError
