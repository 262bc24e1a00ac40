"""Which watermark alerts may be closed by: one behind which every result has been read.

A goal tells its watermark after the results that stand before it. So the ends of its result topic, asked after the
watermark was heard, have them all; what is read up to there may be closed by it, however much has come since.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, ListOffsetsResultInfo, OffsetSpec

from logpipeline.kafka.admin import told_offset

_LOG = logging.getLogger(__name__)
_SECONDS = 5.0


@dataclass(frozen=True)
class _Heard:
    """A watermark, and the requests for the ends of the goal's partitions that were made after it was heard."""

    watermark: float | None
    begins: Mapping[TopicPartition, Future[ListOffsetsResultInfo]]
    ends: Mapping[TopicPartition, Future[ListOffsetsResultInfo]]

    def done(self) -> bool:
        return all(answer.done() for answer in (*self.begins.values(), *self.ends.values()))

    def bounds(self) -> dict[int, tuple[int, int]]:
        """Return begin and end by partition; raises KafkaException."""
        return {
            place.partition: (told_offset(self.begins[place]), told_offset(end)) for place, end in self.ends.items()
        }


class Reading:
    """How far the consumer of the result topics has come; `topics` are by goal."""

    def __init__(self, consumer: Consumer, admin: AdminClient, topics: Mapping[str, str]) -> None:
        self._consumer = consumer
        self._admin = admin
        self._topics = topics
        self._heard: dict[str, _Heard] = {}

    def caught_up(self, goal: str, known: bool, watermark: float | None) -> tuple[bool, float | None]:
        """Take note of what a goal tells now (`Watermarks.get`), and return in the same form what was told some turns
        ago, as soon as everything before it has been read.
        """
        heard = self._heard.get(goal)
        if heard is not None and heard.watermark is None and watermark is not None:
            # It was silent and speaks again.
            heard = None
        if heard is None:
            if known:
                self._ask(goal, watermark)
            return False, None
        if not heard.done():
            return False, None
        try:
            bounds = heard.bounds()
            reached = is_read(bounds, self._places(self._topics[goal], bounds))
        except KafkaException as error:
            _LOG.warning("%s: its end is not known, no alert is closed: %s", self._topics[goal], error.args[0].str())
            del self._heard[goal]
            return False, None
        if not reached:
            return False, None
        del self._heard[goal]
        return True, heard.watermark

    def _ask(self, goal: str, watermark: float | None) -> None:
        topic = self._topics[goal]
        places = [place for place in self._consumer.assignment() if place.topic == topic]
        # Before the first assignment nothing has been read.
        if places:
            begins, ends = (
                self._admin.list_offsets(dict.fromkeys(places, spec), request_timeout=_SECONDS)
                for spec in (OffsetSpec.earliest(), OffsetSpec.latest())
            )
            self._heard[goal] = _Heard(watermark, begins, ends)

    def _places(self, topic: str, partitions: Mapping[int, object]) -> dict[int, int]:
        """Return the offset of the next message by partition, below 0 where nothing was read; raises KafkaException."""
        places = self._consumer.position([TopicPartition(topic, number) for number in partitions])
        # Of a partition that has brought nothing since the start, the offsets that were committed before are the place.
        fresh = [place for place in places if place.offset < 0]
        committed = self._consumer.committed(fresh, timeout=_SECONDS) if fresh else []
        return {place.partition: place.offset for place in (*places, *committed)}


def is_read(bounds: Mapping[int, tuple[int, int]], places: Mapping[int, int]) -> bool:
    """Whether the `places`, offsets of the next messages by partition, have reached the ends in `bounds` (begin and end
    by partition); in an empty partition there is nothing to reach.
    """
    return all(begin == end or places.get(partition, -1) >= end for partition, (begin, end) in bounds.items())
