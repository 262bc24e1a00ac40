"""Which records are dead letters: the same one may be there twice.

Kafka Connect commits what it has read every few seconds. A worker that is killed in between reads some records again;
those that are indexed again keep their one document, those that are refused again are one more message on the topic.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from confluent_kafka import Consumer, Message, TopicPartition

from logpipeline.kafka.admin import Offsets

_BATCH = 1000


class DeadLetters:
    """Follows a dead letter topic and knows which records stand behind its messages."""

    def __init__(self, client_config: Mapping[str, str], topic: str, offsets: Offsets) -> None:
        """Begin with the first message that is kept, by `offsets`."""
        settings: dict[str, Any] = {
            **client_config,
            "group.id": "logpipeline-dead-letters",
            "enable.auto.commit": False,
            "log_level": 0,
            "error_cb": lambda _: None,
        }
        self._consumer = Consumer(settings)
        self._next = dict(offsets.begin)
        self._consumer.assign([TopicPartition(topic, number, begin) for number, begin in offsets.begin.items()])
        # Of what retention has removed nobody knows any more whether it was there twice.
        self._gone = sum(offsets.begin.values())
        self._records: set[tuple[object, ...]] = set()

    def count(self, offsets: Offsets, seconds: float) -> int | None:
        """Return the number of records that were refused, or None when reading them takes longer than `seconds`."""
        deadline = time.monotonic() + seconds
        while any(self._next[number] < end for number, end in offsets.end.items()):
            if time.monotonic() > deadline:
                return None
            for message in self._consumer.consume(_BATCH, timeout=0.2):
                if message.error() is None:
                    self._next[message.partition() or 0] = (message.offset() or 0) + 1
                    self._records.add(_origin(message))
        return self._gone + len(self._records)

    def close(self) -> None:
        """Stop following."""
        self._consumer.close()


def _origin(message: Message) -> tuple[object, ...]:
    """Return where the record stood, as Connect's headers tell; a message without them stands for itself."""
    headers = dict(message.headers() or [])
    names = ("__connect.errors.topic", "__connect.errors.partition", "__connect.errors.offset")
    if all(name in headers for name in names):
        return tuple(headers[name] for name in names)
    return message.partition(), message.offset()
