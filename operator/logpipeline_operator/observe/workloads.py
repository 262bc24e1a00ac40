"""From the live objects of a workload to what they tell: pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from logpipeline_operator.observe.facts import WorkloadFacts

Document = Mapping[str, Any]


def workload_facts(workload: Document, pods: Iterable[Document]) -> WorkloadFacts:
    """Return what a StatefulSet or Deployment and its `pods`, as the API server gives them, tell."""
    raise NotImplementedError


def all_workload_facts(children: Iterable[Document]) -> tuple[WorkloadFacts, ...]:
    """Return the facts of each StatefulSet and Deployment among the live `children` of a pipeline, by name."""
    raise NotImplementedError
