"""Episodes outlive a restart in a compacted topic: a message an episode, none left where nobody has to be told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import orjson
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Producer, TopicPartition

from logpipeline.errors import LogPipelineError
from logpipeline_alert_bridge.episodes import Episode
from logpipeline_alert_bridge.ledger import Name

_SECONDS, _POLL_SECONDS = 10.0, 0.1


class Store:
    """The topic of one pipeline's episodes."""

    def __init__(self, topic: str, settings: Mapping[str, str]) -> None:
        self._topic = topic
        self._settings = settings
        self._producer = Producer(
            {
                **settings,
                "enable.idempotence": True,
                "linger.ms": 0,
                "message.timeout.ms": round(_SECONDS * 1000),
                "log_level": 0,
            }
        )

    def read(self) -> list[Episode]:
        """Return the episodes that are kept; raises KafkaException when Kafka does not answer."""
        consumer = Consumer(
            {
                **self._settings,
                "group.id": f"{self._topic}-reader",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "isolation.level": "read_committed",
                "log_level": 0,
            }
        )
        try:
            partitions = consumer.list_topics(self._topic, timeout=_SECONDS).topics[self._topic].partitions
            if not partitions:
                raise KafkaException(KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART))
            consumer.assign([TopicPartition(self._topic, number, OFFSET_BEGINNING) for number in partitions])
            return self._read(consumer, set(partitions))
        finally:
            consumer.close()

    def _read(self, consumer: Consumer, unread: set[int]) -> list[Episode]:
        found: dict[bytes, Episode | None] = {}
        while unread:
            # It waits for as many messages as it is asked for, and as long as it may.
            for message in consumer.consume(500, timeout=_POLL_SECONDS):
                error = message.error()
                if error is None:
                    value = message.value()
                    found[message.key() or b""] = episode_of(value) if value is not None else None
                elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - documented under this name
                    unread.discard(message.partition() or 0)
                else:
                    raise KafkaException(error)
        return [episode for episode in found.values() if episode is not None]

    def write(self, changes: Mapping[Name, Episode | None]) -> None:
        """Keep what has changed, None for what is forgotten, and return when Kafka has it; raises KafkaException."""
        refused: list[KafkaError] = []

        def answered(error: KafkaError | None, _message: Any) -> None:
            if error is not None:
                refused.append(error)

        for (goal, key), episode in changes.items():
            value = None if episode is None else bytes_of(episode)
            self._producer.produce(self._topic, value, orjson.dumps([goal, *key]), on_delivery=answered)
        # Returns when each has its answer, which message.timeout.ms bounds.
        self._producer.flush()
        if refused:
            raise KafkaException(refused[0])


def bytes_of(episode: Episode) -> bytes:
    """Return the message of an episode."""
    return orjson.dumps(asdict(episode), option=orjson.OPT_NON_STR_KEYS)


def episode_of(value: bytes) -> Episode:
    """Return the episode of a message; raises LogPipelineError for one that is not ours."""
    try:
        content = orjson.loads(value)
        offsets = {int(partition): offset for partition, offset in content.pop("offsets").items()}
        return Episode(**{**content, "key": tuple(content["key"])}, offsets=offsets)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise LogPipelineError(
            f"the topic of open alerts holds a message that is none of ours ({error!r}); "
            "name another in spec.alerting.topic"
        ) from error
