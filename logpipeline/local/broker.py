"""The pipeline's Kafka as the run sees it: whether it answers, its topics, how many records they hold."""

from __future__ import annotations

from collections.abc import Mapping

from confluent_kafka import KafkaException

from logpipeline.api import LogPipeline
from logpipeline.kafka.admin import KafkaAdmin, Offsets
from logpipeline.kafka.topics import plan_topics, wanted_topics
from logpipeline.local.ports import HOST, answers

_PROBE_SECONDS = 2.0


class Broker:
    """One Kafka and the topics of one pipeline on it."""

    def __init__(self, client_config: Mapping[str, str], own_port: int | None) -> None:
        """`own_port` is the port of a Kafka that this run starts, None for one that is there already."""
        # librdkafka waits up to ten seconds between two tries: long for a broker that is back after three.
        self.client_config = {**client_config, "reconnect.backoff.max.ms": "1000"}
        self._own_port = own_port
        self._admin: KafkaAdmin | None = None
        self.topics: dict[str, str] = {}

    def check(self) -> str | None:
        """Return what is lacking, None when a broker answers."""
        if self._own_port is not None and not answers(HOST, self._own_port):
            return "nothing listens yet"
        if self._admin is None:
            self._admin = KafkaAdmin(self.client_config)
        try:
            return None if self._admin.brokers(_PROBE_SECONDS) else "no broker is registered yet"
        except KafkaException as error:
            return str((self._admin.last_fault() or error.args[0]).str())

    def ensure_topics(self, pipeline: LogPipeline) -> str | None:
        """Create, grow and configure the pipeline's topics.

        Returns None when they are as they should be, else why not yet; raises LogPipelineError for what cannot be.
        """
        assert self._admin is not None  # `check` was content
        try:
            wanted = wanted_topics(pipeline, self._admin.brokers(_PROBE_SECONDS))
            names = [spec.name for spec in wanted.values()]
            if plan := plan_topics(wanted, self._admin.existing(names)):
                self._admin.apply(plan)
        except KafkaException as error:
            return str(error.args[0].str())
        self.topics = {use: spec.name for use, spec in wanted.items()}
        return None

    def offsets(self) -> dict[str, Offsets] | None:
        """Return the offsets of each topic by its use, or None when they are not known now."""
        if self._admin is None or not self.topics:
            return None
        try:
            # A topic may have grown since it was made: producers and goals take to the new partitions by themselves.
            partitions = self._admin.partitions(_PROBE_SECONDS)
            if not partitions.keys() >= {*self.topics.values()}:
                return None
            ours = {name: partitions[name] for name in self.topics.values()}
            offsets = self._admin.offsets(ours, timeout=_PROBE_SECONDS)
        except KafkaException:
            return None
        return {use: offsets[name] for use, name in self.topics.items()}
