"""How far a consumer group is, seen from outside of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

_UNTOLD = (KafkaError._TIMED_OUT, KafkaError.GROUP_AUTHORIZATION_FAILED)  # noqa: SLF001 - documented under this name


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

    def committed(self, topic: str, partitions: Iterable[int], timeout: float) -> dict[int, int] | None:
        """Return the offset of the next record to be read by partition, without those of which none is committed.

        None when it is not told within `timeout` seconds: before a cluster's first group there is no coordinator, when
        its broker is down there is another soon, and not everybody may look at a group. Raises KafkaException for what
        else is refused.
        """
        try:
            places = self._consumer.committed([TopicPartition(topic, number) for number in partitions], timeout=timeout)
            for place in places:
                if place.error is not None:
                    raise KafkaException(place.error)
        except KafkaException as error:
            if error.args[0].code() in _UNTOLD:
                return None
            raise
        return {place.partition: place.offset for place in places if place.offset >= 0}
