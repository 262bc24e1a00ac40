"""The thin client that asks a Kafka for its topics and offsets and makes a topic plan true."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    OffsetSpec,
    ResourceType,
)

from logpipeline.errors import LogPipelineError
from logpipeline.kafka.topics import ExistingTopic, TopicPlan

_REQUEST_SECONDS = 15.0


@dataclass(frozen=True)
class Offsets:
    """A topic's offsets, by partition: the first record kept and the place of the next one."""

    begin: dict[int, int]
    end: dict[int, int]

    @property
    def kept(self) -> int:
        """Number of records on the topic now."""
        return sum(self.end.values()) - sum(self.begin.values())

    @property
    def total(self) -> int:
        """Number of records ever written to the topic."""
        return sum(self.end.values())


class KafkaAdmin:
    """Topics and offsets of one Kafka. Every method raises KafkaException when the brokers do not answer in time."""

    def __init__(self, client_config: Mapping[str, str]) -> None:
        self.last_error = ""
        quiet: dict[str, Any] = {"error_cb": self._remember, "log_level": 0, "topic.metadata.refresh.interval.ms": -1}
        self._client = AdminClient({**client_config, **quiet})

    def _remember(self, error: KafkaError) -> None:
        self.last_error = str(error.str())

    def brokers(self, timeout: float) -> int:
        """Return the number of brokers; waits at most `timeout` seconds for the first answer."""
        return len(self._client.list_topics(timeout=timeout).brokers)

    def partitions(self, timeout: float = _REQUEST_SECONDS) -> dict[str, int]:
        """Return every topic's number of partitions."""
        return {name: len(topic.partitions) for name, topic in self._client.list_topics(timeout=timeout).topics.items()}

    def existing(self, names: Iterable[str]) -> dict[str, ExistingTopic]:
        """Return those of the topics `names` that exist, as they are."""
        partitions = self.partitions()
        found = [name for name in names if name in partitions]
        resources = [ConfigResource(ResourceType.TOPIC, name) for name in found]
        futures = self._client.describe_configs(resources, request_timeout=_REQUEST_SECONDS) if resources else {}
        configs = {resource.name: future.result() for resource, future in futures.items()}
        return {
            name: ExistingTopic(partitions[name], {key: str(entry.value) for key, entry in configs[name].items()})
            for name in found
        }

    def apply(self, plan: TopicPlan) -> None:
        """Make `plan` true; raises LogPipelineError naming the topic that Kafka refuses."""
        if plan.create:
            new = [
                NewTopic(spec.name, spec.partitions, spec.replicas, config=dict(spec.config)) for spec in plan.create
            ]
            self._each("create", self._client.create_topics(new, request_timeout=_REQUEST_SECONDS))
        if plan.grow:
            more = [NewPartitions(name, total) for name, total in plan.grow.items()]
            self._each("add partitions to", self._client.create_partitions(more, request_timeout=_REQUEST_SECONDS))
        if plan.configure:
            changes = [
                ConfigResource(
                    ResourceType.TOPIC,
                    name,
                    incremental_configs=[
                        ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET)
                        for key, value in settings.items()
                    ],
                )
                for name, settings in plan.configure.items()
            ]
            self._each("configure", self._client.incremental_alter_configs(changes, request_timeout=_REQUEST_SECONDS))

    @staticmethod
    def _each(doing: str, futures: Mapping[Any, Any]) -> None:
        for topic, future in futures.items():
            try:
                future.result()
            except KafkaException as error:
                fault = error.args[0]
                if fault.code() == KafkaError.TOPIC_ALREADY_EXISTS:  # somebody was quicker; the next pass compares it
                    continue
                name = getattr(topic, "name", topic)
                raise LogPipelineError(f"Kafka refuses to {doing} the topic {name!r}: {fault.str()}") from error

    def offsets(self, partitions: Mapping[str, int], timeout: float = 5.0) -> dict[str, Offsets]:
        """Return the offsets of topics, given their numbers of partitions."""
        places = [TopicPartition(name, number) for name, count in partitions.items() for number in range(count)]
        begin = self._client.list_offsets({place: OffsetSpec.earliest() for place in places}, request_timeout=timeout)
        end = self._client.list_offsets({place: OffsetSpec.latest() for place in places}, request_timeout=timeout)
        result = {name: Offsets({}, {}) for name in partitions}
        for place in places:
            result[place.topic].begin[place.partition] = begin[place].result().offset
            result[place.topic].end[place.partition] = end[place].result().offset
        return result
