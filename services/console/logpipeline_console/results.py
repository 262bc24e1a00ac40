"""Reads results: of a live pipeline from the result topics, of a backtest from its files."""

from __future__ import annotations

import functools
import logging
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from logpipeline import threads
from logpipeline.errors import LogPipelineError
from logpipeline.results import MalformedResultError, read_result
from logpipeline_console.windows import Windows

_LOG = logging.getLogger(__name__)
_MOST_A_POLL = 2000
_POLL_SECONDS = 0.2
_RETRY_SECONDS = 2.0
# A topic may be given more partitions.
_LOOK_SECONDS = 30.0
_METADATA_SECONDS = 5.0


class Follower:
    """Follows the result topics, from `backlog` messages before the end of each partition on."""

    def __init__(self, kafka: Mapping[str, str], windows: Mapping[str, Windows], backlog: int) -> None:
        """`windows` are by topic."""
        self._windows = windows
        self._backlog = backlog
        settings: dict[str, Any] = {
            **kafka,
            # Offsets are not kept: the group is only a name that the client demands.
            "group.id": "logpipeline-console",
            "enable.auto.commit": False,
            "log_level": 0,
            "error_cb": lambda _: None,
            "fetch.wait.max.ms": 100,
            "queued.max.messages.kbytes": 16384,
        }
        self._consumer = Consumer(settings)
        self._assigned: set[tuple[str, int]] = set()

    def start(self, stop: threading.Event) -> None:
        """Read until `stop` is set."""
        threads.start("results", functools.partial(self._run, stop))

    def _run(self, stop: threading.Event) -> None:
        look_at = float("-inf")
        while not stop.is_set():
            if time.monotonic() >= look_at:
                look_at = time.monotonic() + (_LOOK_SECONDS if self._assign() else _RETRY_SECONDS)
            try:
                messages = self._consumer.consume(_MOST_A_POLL, timeout=_POLL_SECONDS)
            except KafkaException as error:
                _LOG.warning("Kafka: %s", error.args[0].str())
                stop.wait(_RETRY_SECONDS)
                continue
            for message in messages:
                if (fault := message.error()) is None:
                    take(self._windows[message.topic() or ""], message.value())
                else:
                    # The client goes on by itself; what is not answered for is seen in the picture of the path.
                    _LOG.warning("Kafka: %s: %s", message.topic(), fault.str())
        self._consumer.close()

    def _assign(self) -> bool:
        """Assign the partitions that are new; False when not all topics are there yet."""
        try:
            found = {topic: self._consumer.list_topics(topic, timeout=_METADATA_SECONDS) for topic in self._windows}
            for topic, metadata in found.items():
                for partition in metadata.topics[topic].partitions:
                    if (topic, partition) not in self._assigned:
                        place = TopicPartition(topic, partition)
                        begin, end = self._consumer.get_watermark_offsets(place, timeout=_METADATA_SECONDS)
                        place.offset = max(begin, end - self._backlog)
                        self._consumer.incremental_assign([place])
                        self._assigned.add((topic, partition))
        except KafkaException as error:
            if error.args[0].code() not in (KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN):  # noqa: SLF001
                _LOG.warning("Kafka: %s", error.args[0].str())
            return False
        return {topic for topic, _ in self._assigned} == self._windows.keys()


def take(windows: Windows, message: bytes | None) -> None:
    """Add what a message tells of; what is no result is counted."""
    try:
        windows.add(read_result(windows.goal.rule, message))
    except MalformedResultError as fault:
        windows.malformed += 1
        if windows.malformed == 1:
            _LOG.warning("%s: a message %s; more like it are only counted", windows.goal.topic, fault)


def load_results(folder: Path, windows: Mapping[str, Windows]) -> None:
    """Read the files of a backtest, `<goal>.jsonl` each; raises LogPipelineError when there is none of any goal."""
    found = 0
    for store in windows.values():
        path = folder / f"{store.goal.rule.name}.jsonl"
        if not path.is_file():
            continue
        found += 1
        try:
            with path.open("rb") as lines:
                for line in lines:
                    take(store, line)
        except OSError as error:
            raise LogPipelineError(f"--results: {path}: cannot be read: {error.strerror}") from error
    if not found:
        names = ", ".join(f"{store.goal.rule.name}.jsonl" for store in windows.values())
        raise LogPipelineError(f"--results: {folder} has none of {names}; `logpipeline backtest --output` writes them")
