"""The records of a Kafka topic as logs, a partition each: what it holds when the reading begins."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from logpipeline.api import LogPipeline
from logpipeline.errors import LogPipelineError
from logpipeline.kafka.admin import KafkaAdmin
from logpipeline.kafka.properties import read_client_properties
from logpipeline.kafka.security import check_credentials, given_secret, librdkafka_settings
from logpipeline.local.consume import running_kafka

_ROWS = 50_000
# confluent-kafka documents librdkafka's own codes under names that begin with an underscore.
_PARTITION_EOF = KafkaError._PARTITION_EOF  # noqa: SLF001
_ANSWER_SECONDS = 15.0
# A broker that hangs is given up after so long without a record.
_PATIENCE_SECONDS = 60.0


def topic_logs(
    pipeline: LogPipeline, servers: str | None, state: Path, secrets: Path | None
) -> list[functools.partial[TopicLog]]:
    """Return the logs of the pipeline's raw topic, one for each partition that holds a record.

    `servers` stands for the brokers that the resource names, or those of the run in `state`; `secrets` is the folder of
    the Secrets that the resource names. Raises LogPipelineError where Kafka or the topic is not there, or is empty.
    """
    settings = _client(pipeline, servers, state, secrets)
    topic, where = pipeline.topics()["raw"].name or "", settings["bootstrap.servers"]
    try:
        admin = KafkaAdmin(settings)
        known = admin.cluster(_ANSWER_SECONDS).topics.get(topic)
        if known is None:
            raise LogPipelineError(f"--topic: no topic {topic!r} on Kafka at {where}")
        offsets = admin.offsets({topic: known.partitions}, _ANSWER_SECONDS)[topic]
    except KafkaException as error:
        raise LogPipelineError(f"--topic: Kafka at {where} cannot be reached: {error.args[0].str()}") from error
    spans = {number: (begin, offsets.end[number]) for number, begin in offsets.begin.items()}
    logs = [
        functools.partial(TopicLog, settings, topic, number, begin=begin, end=end, size=end - begin)
        for number, (begin, end) in sorted(spans.items())
        if begin < end
    ]
    if not logs:
        raise LogPipelineError(f"--topic: {topic} on Kafka at {where} holds no record")
    return logs


def _client(pipeline: LogPipeline, servers: str | None, state: Path, secrets: Path | None) -> dict[str, str]:
    external = pipeline.spec.kafka.external
    if external is None:
        config = None
        if servers is None:
            servers, config = running_kafka(state)
        return {**(read_client_properties(config) if config else {}), "bootstrap.servers": servers or ""}
    reference, credentials = external.security.secret_ref, None
    if reference is not None:
        credentials = given_secret(reference.name, "spec.kafka.external.security.secretRef", secrets)
    check_credentials(external.security, credentials)
    settings = librdkafka_settings(external.security, credentials)
    return {**settings, "bootstrap.servers": servers or external.bootstrap_servers}


@dataclass(frozen=True)
class Messages:
    """Some records of a partition: a `Block`."""

    messages: list[Message]

    @property
    def values(self) -> pa.Array:
        """The raw bytes."""
        return pa.array([message.value() for message in self.messages], pa.binary())

    @property
    def arrival_ms(self) -> pa.Array:
        """Kafka's timestamps."""
        return pa.array([message.timestamp()[1] for message in self.messages], pa.int64())

    def place(self, row: int) -> Mapping[str, Any]:
        """Return topic, partition, offset and timestamp, as of an invalid record that was read live."""
        message = self.messages[row]
        place = {"topic": message.topic(), "partition": message.partition(), "offset": message.offset()}
        return {**place, "timestamp": message.timestamp()[1] / 1000}


class TopicLog:
    """The records of one partition from the offset `begin` to before `end`: a `Log`, counted in offsets."""

    def __init__(
        self, settings: Mapping[str, str], topic: str, partition: int, *, begin: int, end: int, size: int
    ) -> None:
        self.name = f"{topic}, partition {partition}"
        self.size: int | None = size
        self.too_long = self.empty = 0
        self.remarks: Sequence[str] = ()
        self._begin, self._next, self._end = begin, begin, end
        # Nothing is committed, and nobody else's reading is disturbed.
        self._consumer = Consumer(
            {
                **settings,
                "group.id": "logpipeline-backtest",
                "enable.auto.commit": False,
                "allow.auto.create.topics": False,
                "auto.offset.reset": "earliest",
                "enable.partition.eof": True,
                "log_level": 0,
                # Each partition has a consumer, and most of them wait.
                "queued.max.messages.kbytes": 8192,
            }
        )
        self._consumer.assign([TopicPartition(topic, partition, begin)])

    def position(self) -> int:
        """Return how many offsets are read."""
        return self._next - self._begin

    def blocks(self) -> Iterator[Messages]:
        """Yield the records in their order; raises LogPipelineError when Kafka stops to answer."""
        while self._next < self._end:
            messages = self._consumer.consume(_ROWS, timeout=1.0) or self._consumer.consume(1, _PATIENCE_SECONDS)
            if not messages:
                raise LogPipelineError(
                    f"--topic: {self.name}: no answer for {_PATIENCE_SECONDS:.0f} s at offset {self._next:,}"
                )
            found = []
            for message in messages:
                error, offset = message.error(), message.offset() or 0
                if error is None and offset < self._end:
                    found.append(message)
                    self._next = offset + 1
                elif error is None or error.code() == _PARTITION_EOF:
                    # The last offsets may hold no record (compaction, transactions).
                    self._next = self._end
                else:
                    raise LogPipelineError(f"--topic: {self.name}: {error.str()}")
            if found:
                yield Messages(found)

    def is_empty(self) -> bool:
        """Return False: there is something of each partition."""
        return False

    def close(self) -> None:
        """Leave the brokers."""
        self._consumer.close()
