"""Finds pipelines that are called the same on one Kafka: their workers form one group, with each other's Secrets."""

from __future__ import annotations

import threading
from collections import defaultdict

from logpipeline.api import LogPipeline
from logpipeline_operator.cluster.kinds import PipelineKey
from logpipeline_operator.status.reasons import Finding


class KafkaNames:
    """The names of all pipelines on external Kafkas, as their passes told; safe to use from several threads.

    Two addresses of one Kafka are taken for one only where a broker stands in both.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._names: dict[PipelineKey, frozenset[tuple[str, str]]] = {}
        self._pipelines: dict[tuple[str, str], set[PipelineKey]] = defaultdict(set)

    def findings(self, key: PipelineKey, pipeline: LogPipeline) -> list[Finding]:
        """Take note of the names of a pipeline, and return what the conditions say of others that have them too."""
        external = pipeline.spec.kafka.external
        brokers = external.bootstrap_servers.split(",") if external else []
        name = pipeline.name_on_kafka
        with self._lock:
            self._put(key, frozenset((broker, name) for broker in brokers))
            others = sorted({other for each in self._names[key] for other in self._pipelines[each]} - {key})
        if not others:
            return []
        message = (
            f"on its Kafka the pipeline is called {name!r}, as is {', '.join(map(str, others))}: their workers form "
            "one group and use each other's Secrets; give one of them another spec.kafka.external.pipelineName"
        )
        return [Finding("False", "NameShared", message)]

    def forget(self, key: PipelineKey) -> None:
        """Drop a pipeline that is gone."""
        with self._lock:
            self._put(key, frozenset())
            del self._names[key]

    def _put(self, key: PipelineKey, names: frozenset[tuple[str, str]]) -> None:
        before = self._names.get(key, frozenset())
        for name in before - names:
            self._pipelines[name].discard(key)
            if not self._pipelines[name]:
                del self._pipelines[name]
        for name in names - before:
            self._pipelines[name].add(key)
        self._names[key] = names
