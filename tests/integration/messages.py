"""Reads a topic from beginning to end."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import cast

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

_NO_LEADER = (KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.UNKNOWN_TOPIC_OR_PART)


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
        bounds = _bounds(consumer, _partitions(consumer, topic, timeout), timeout)
        return sum(end - begin for begin, end in bounds.values())
    finally:
        consumer.close()


def _consumer(bootstrap_servers: str) -> Consumer:
    return Consumer(
        {"bootstrap.servers": bootstrap_servers, "group.id": "test", "enable.auto.commit": False, "log_level": 0}
    )


def _partitions(consumer: Consumer, topic: str, timeout: float) -> list[TopicPartition]:
    numbers = consumer.list_topics(topic, timeout).topics[topic].partitions
    return [TopicPartition(topic, number, OFFSET_BEGINNING) for number in numbers]


def _bounds(consumer: Consumer, partitions: list[TopicPartition], timeout: float) -> dict[int, tuple[int, int]]:
    """Begin and end by partition."""
    return {one.partition: watermarks(consumer, one, timeout) for one in partitions}


def watermarks(consumer: Consumer, partition: TopicPartition, timeout: float = 10) -> tuple[int, int]:
    """Begin and end of a partition; one that was created a moment ago may have no leader yet."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            begin, end = consumer.get_watermark_offsets(partition, timeout)
        except KafkaException as error:
            if error.args[0].code() not in _NO_LEADER or time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return begin, end


def read(bootstrap_servers: str, topic: str) -> list[Message]:
    """Every message that the topic holds now, by partition and offset."""
    consumer = _consumer(bootstrap_servers)
    try:
        partitions = _partitions(consumer, topic, 10)
        bounds = _bounds(consumer, partitions, 10)
        consumer.assign(partitions)
        found: list[Message] = []
        unread = {number for number, (begin, end) in bounds.items() if begin < end}
        deadline = time.monotonic() + 60
        while unread:
            assert time.monotonic() < deadline, f"{topic}: read {len(found)}, partitions {unread} not to their ends"
            for message in consumer.consume(10_000, timeout=1.0):
                assert message.error() is None, message.error()
                partition, offset = message.partition(), message.offset()
                end = bounds[partition][1]
                # What has come since is nobody's to wait for, and must not stand for what is missing elsewhere.
                if offset < end:
                    headers = dict(cast("list[tuple[str, bytes]]", message.headers() or []))
                    place = partition, offset, message.timestamp()[1]
                    found.append(Message(*place, message.key(), message.value(), headers))
                if offset >= end - 1:
                    unread.discard(partition)
        return sorted(found, key=lambda message: (message.partition, message.offset))
    finally:
        consumer.close()
