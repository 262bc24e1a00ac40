"""The page that shows a pipeline."""

from __future__ import annotations

from pydantic import Field

from logpipeline.api.base import SecretReference
from logpipeline.api.pods import Workload


class Console(Workload):
    """The page that shows the pipeline, on a cluster; `logpipeline up` always has it."""

    secret_ref: SecretReference | None = Field(
        None,
        description="Secret with token; set: a Service leads to the page, which asks for the token. Absent: only "
        "kubectl port-forward reaches it.",
    )
