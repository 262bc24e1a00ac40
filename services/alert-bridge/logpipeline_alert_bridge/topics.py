"""Which topic a message is from: a name is not enough, for a topic can be deleted and created again under its name.

Offsets are only comparable within one topic. Kafka gives each an id that is never used again (KIP-516).
"""

from __future__ import annotations

from confluent_kafka import KafkaError, KafkaException, Message, TopicCollection
from confluent_kafka.admin import AdminClient

_SECONDS = 5.0


class TopicIds:
    """The identity, name and id, of the topics that messages are read from."""

    def __init__(self, admin: AdminClient) -> None:
        self._admin = admin
        self._known: dict[str, str] = {}
        self._last: dict[tuple[str, int], int] = {}

    def of(self, message: Message) -> str:
        """Return the identity of the topic of a message, empty when the topic is gone; raises KafkaException when Kafka
        does not answer.

        A message of a topic does not carry its id. Kafka is asked again when the offsets of a partition start over,
        which they do in a new topic.
        """
        topic, partition, offset = message.topic() or "", message.partition() or 0, message.offset() or 0
        if offset <= self._last.get((topic, partition), offset):
            self._known[topic] = self._ask(topic)
        self._last[topic, partition] = offset
        return self._known[topic]

    def _ask(self, topic: str) -> str:
        try:
            answers = self._admin.describe_topics(TopicCollection([topic]), request_timeout=_SECONDS)
            return f"{topic}/{answers[topic].result().topic_id}"
        except KafkaException as error:
            if error.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
                return ""
            raise
