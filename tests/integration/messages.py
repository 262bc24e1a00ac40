"""Reads a topic from beginning to end."""

from __future__ import annotations

import time
from dataclasses import dataclass

from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition


@dataclass(frozen=True)
class Message:
    """One message; `timestamp_ms` is Kafka's."""

    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None


def read(bootstrap_servers: str, topic: str) -> list[Message]:
    """Every message that the topic holds now, by partition and offset."""
    consumer = Consumer(
        {"bootstrap.servers": bootstrap_servers, "group.id": "test", "enable.auto.commit": False, "log_level": 0}
    )
    try:
        partitions = [
            TopicPartition(topic, number, OFFSET_BEGINNING)
            for number in consumer.list_topics(topic, 10).topics[topic].partitions
        ]
        ends = {one.partition: consumer.get_watermark_offsets(one, 10) for one in partitions}
        missing = sum(end - begin for begin, end in ends.values())
        consumer.assign(partitions)
        found: list[Message] = []
        deadline = time.monotonic() + 60
        while len(found) < missing:
            assert time.monotonic() < deadline, f"{topic}: read {len(found)} of {missing}"
            for message in consumer.consume(10_000, timeout=1.0):
                assert message.error() is None, message.error()
                found.append(
                    Message(
                        message.partition(), message.offset(), message.timestamp()[1], message.key(), message.value()
                    )
                )
        return sorted(found, key=lambda message: (message.partition, message.offset))
    finally:
        consumer.close()
