"""The thin client that asks a Kafka for its topics and offsets and makes a topic plan true."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ListOffsetsResultInfo,
    NewPartitions,
    NewTopic,
    OffsetSpec,
    ResourceType,
)

from logpipeline.errors import LogPipelineError
from logpipeline.kafka.topics import ExistingTopic, TopicPlan

_REQUEST_SECONDS = 15.0
_HEARD = 50


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

    def lag(self, committed: Mapping[int, int]) -> int:
        """Return the consumer lag of a group with these committed offsets, by partition, in records that are kept."""
        return sum(max(0, end - max(committed.get(place, 0), self.begin[place])) for place, end in self.end.items())


@dataclass(frozen=True)
class TopicState:
    """A topic as the brokers see it: its partitions, how many of them have a replica that is not in sync, and how many
    have no leader.
    """

    partitions: int
    under_replicated: int = 0
    offline: int = 0


@dataclass(frozen=True)
class Cluster:
    """The number of brokers, and every topic that the client may see by its name."""

    brokers: int
    topics: Mapping[str, TopicState]


class KafkaAdmin:
    """Topics and offsets of one Kafka. Every method raises KafkaException when the brokers do not answer in time.

    A client costs four threads until it is dropped.
    """

    def __init__(self, client_config: Mapping[str, str]) -> None:
        # Only the client may refer to what it calls back: in a circle with us it would outlive its last user.
        self._heard: deque[KafkaError] = deque(maxlen=_HEARD)
        quiet: dict[str, Any] = {
            "error_cb": self._heard.append,
            "log_level": 0,
            "topic.metadata.refresh.interval.ms": -1,
        }
        self._client = AdminClient({**client_config, **quiet})

    def last_fault(self) -> KafkaError | None:
        """Return what a broker, or the way to it, last had against us; None when there was nothing."""
        self._client.poll(0)
        # That all brokers are down follows every fault, and says nothing of it.
        telling = [error for error in self._heard if error.code() != KafkaError._ALL_BROKERS_DOWN]  # noqa: SLF001
        return next(reversed(telling or self._heard), None)

    def cluster(self, timeout: float) -> Cluster:
        """Return the brokers and topics; waits at most `timeout` seconds for the first answer."""
        metadata = self._client.list_topics(timeout=timeout)
        return Cluster(
            len(metadata.brokers),
            {
                name: TopicState(
                    partitions=len(topic.partitions),
                    under_replicated=sum(len(part.isrs) < len(part.replicas) for part in topic.partitions.values()),
                    offline=sum(part.leader < 0 for part in topic.partitions.values()),
                )
                for name, topic in metadata.topics.items()
            },
        )

    def brokers(self, timeout: float) -> int:
        """Return the number of brokers; waits at most `timeout` seconds for the first answer."""
        return self.cluster(timeout).brokers

    def partitions(self, timeout: float = _REQUEST_SECONDS) -> dict[str, int]:
        """Return every topic's number of partitions."""
        return {name: topic.partitions for name, topic in self.cluster(timeout).topics.items()}

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
            result[place.topic].begin[place.partition] = told_offset(begin[place])
            result[place.topic].end[place.partition] = told_offset(end[place])
        return result


def told_offset(answer: Future[ListOffsetsResultInfo]) -> int:
    """Return the offset that a partition's leader has told.

    Raises KafkaException, for a leader that did not answer in time as well: of that one librdkafka says no error, but
    an offset below 0.
    """
    offset: int = answer.result().offset
    if offset < 0:
        raise KafkaException(KafkaError(KafkaError._TIMED_OUT, "the leader of a partition does not answer"))  # noqa: SLF001
    return offset
