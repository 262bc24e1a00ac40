"""Asks every part of every pipeline how it is, in bounded time, and remembers what can only be known over time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from logpipeline.api import LogPipeline
from logpipeline_operator.cluster.kinds import PipelineKey
from logpipeline_operator.observe.endpoints import Endpoints
from logpipeline_operator.observe.facts import Facts

SecretValues = Mapping[str, Mapping[str, str]]


class Observer:
    """One for the operator; safe to use from several threads, a pipeline in one thread at a time."""

    def __init__(self, threads: int = 32) -> None:
        raise NotImplementedError

    def observe(
        self,
        pipeline: LogPipeline,
        endpoints: Endpoints,
        secrets: SecretValues,
        children: Iterable[Mapping[str, Any]],
        *,
        stop_connector: bool = False,
    ) -> Facts:
        """Return what is known now, after five seconds at the latest.

        What stands outside the cluster's API is put right on the way: topics, the connector and its failed tasks, index
        and template, the data view. `secrets` holds the values of the Secrets that the resource names, by their name;
        one that is not there is left out. `children` are the live objects. `stop_connector`: the connector commits what
        it has carried over and stops; else it runs.
        """
        raise NotImplementedError

    def forget(self, key: PipelineKey) -> None:
        """Drop what is remembered of a pipeline that is gone."""
        raise NotImplementedError

    def close(self) -> None:
        """Stop asking."""
        raise NotImplementedError
