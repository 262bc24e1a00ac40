"""Reads a topic from beginning to end."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import cast

from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition


@dataclass(frozen=True)
class Message:
    """One message; `timestamp_ms` is Kafka's."""

    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: dict[str, bytes] = field(default_factory=dict)


def count(bootstrap_servers: str, topic: str, timeout: float = 10) -> int:
    """How many messages the topic holds; raises KafkaException when no broker answers in `timeout` seconds."""
    consumer = _consumer(bootstrap_servers)
    try:
        return _missing(consumer, _partitions(consumer, topic, timeout), timeout)
    finally:
        consumer.close()


def _consumer(bootstrap_servers: str) -> Consumer:
    return Consumer(
        {"bootstrap.servers": bootstrap_servers, "group.id": "test", "enable.auto.commit": False, "log_level": 0}
    )


def _partitions(consumer: Consumer, topic: str, timeout: float) -> list[TopicPartition]:
    numbers = consumer.list_topics(topic, timeout).topics[topic].partitions
    return [TopicPartition(topic, number, OFFSET_BEGINNING) for number in numbers]


def _missing(consumer: Consumer, partitions: list[TopicPartition], timeout: float) -> int:
    bounds = (consumer.get_watermark_offsets(one, timeout) for one in partitions)
    return sum(end - begin for begin, end in bounds)


def read(bootstrap_servers: str, topic: str) -> list[Message]:
    """Every message that the topic holds now, by partition and offset."""
    consumer = _consumer(bootstrap_servers)
    try:
        partitions = _partitions(consumer, topic, 10)
        missing = _missing(consumer, partitions, 10)
        consumer.assign(partitions)
        found: list[Message] = []
        deadline = time.monotonic() + 60
        while len(found) < missing:
            assert time.monotonic() < deadline, f"{topic}: read {len(found)} of {missing}"
            for message in consumer.consume(10_000, timeout=1.0):
                assert message.error() is None, message.error()
                headers = dict(cast("list[tuple[str, bytes]]", message.headers() or []))
                place = message.partition(), message.offset(), message.timestamp()[1]
                found.append(Message(*place, message.key(), message.value(), headers))
        return sorted(found, key=lambda message: (message.partition, message.offset))
    finally:
        consumer.close()
