"""Where the components of a pipeline answer inside the cluster: pure."""

from __future__ import annotations

from logpipeline.api import LogPipeline
from logpipeline_operator.observe.endpoints import Endpoints
from logpipeline_operator.settings import Settings


def endpoints_of(pipeline: LogPipeline, settings: Settings) -> Endpoints:
    """Return the addresses of the pipeline's components, its own or external ones."""
    raise NotImplementedError
