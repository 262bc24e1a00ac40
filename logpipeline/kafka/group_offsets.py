"""How far a consumer group is, seen from outside of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from confluent_kafka import Consumer, KafkaException, TopicPartition


class GroupOffsets:
    """The offsets that one consumer group has committed; its client is no member of the group.

    No admin client is asked: one of librdkafka that has given up waiting for a group's coordinator ends the process
    when the coordinator comes up (https://github.com/confluentinc/librdkafka/issues/4605). This one costs four threads
    until it is dropped, and finds the coordinator within a second of being made.
    """

    def __init__(self, client_config: Mapping[str, str], group: str) -> None:
        """Begin to look for the coordinator; raises KafkaException for a configuration that cannot be used."""
        settings: dict[str, Any] = {
            **client_config,
            "group.id": group,
            "enable.auto.commit": False,
            "log_level": 0,
            "error_cb": lambda _: None,
        }
        self._consumer = Consumer(settings)

    def committed(self, topic: str, partitions: Iterable[int], timeout: float) -> dict[int, int]:
        """Return the offset of the next record to be read by partition, without those of which none is committed.

        Raises KafkaException when there is no answer within `timeout` seconds: the group's coordinator is down, or does
        not tell us who it is because we may not look at the group.
        """
        places = self._consumer.committed([TopicPartition(topic, number) for number in partitions], timeout=timeout)
        for place in places:
            if place.error is not None:
                raise KafkaException(place.error)
        return {place.partition: place.offset for place in places if place.offset >= 0}
