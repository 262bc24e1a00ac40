"""The newest results of each goal, read from its topic while the pipeline runs."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from confluent_kafka import Consumer, KafkaException, TopicPartition

from logpipeline.kafka.admin import Offsets
from logpipeline.rules import Rule

_RING = 8
_MOST_A_TICK = 2000


@dataclass(frozen=True)
class Result:
    """A result as it is shown: what for, how much, in which window (UTC)."""

    key: str
    value: str
    window: str

    def __str__(self) -> str:
        return f"{self.key}  {self.value}  {self.window}"


def read_result(rule: Rule, key: bytes | None, value: bytes) -> Result | None:
    """Return the result that a message of a result topic holds, or None when it is not one."""
    try:
        document = orjson.loads(value)
        start, end = str(document["window_start"]), str(document["window_end"])
        amount = document[rule.value_name]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None
    text = f"{amount:,.3f}" if isinstance(amount, float) else f"{amount:,}" if isinstance(amount, int) else str(amount)
    name = " | ".join(str(document[part]) for part in rule.group_by if part in document) or (key or b"").decode(
        errors="replace"
    )
    return Result(name, f"{rule.value_name} {text}", f"{start[11:19]}–{end[11:19]}")


class Results:
    """Follows the result topics from where they ended when the run began."""

    def __init__(
        self, client_config: Mapping[str, str], rules: Mapping[str, Rule], begin: Mapping[str, Offsets]
    ) -> None:
        """Follow the topics of `rules` (topic to rule) from the ends in `begin`."""
        self._rules = rules
        self.newest: dict[str, deque[Result]] = {rule.name: deque(maxlen=_RING) for rule in rules.values()}
        self.seen: dict[str, int] = {rule.name: 0 for rule in rules.values()}
        settings: dict[str, Any] = {
            **client_config,
            "group.id": "logpipeline-up",
            "enable.auto.commit": False,
            "log_level": 0,
            "error_cb": lambda _: None,
            # Never more in memory than a moment's worth, however many results there are.
            "queued.max.messages.kbytes": 4096,
        }
        self._consumer = Consumer(settings)
        self._consumer.assign(
            [TopicPartition(topic, partition, end) for topic in rules for partition, end in begin[topic].end.items()]
        )

    def poll(self) -> dict[str, list[Result]]:
        """Return the results that have come since the last call, by goal."""
        fresh: dict[str, list[Result]] = {}
        with contextlib.suppress(KafkaException):  # the broker is away; what it holds is read when it is back
            for message in self._consumer.consume(_MOST_A_TICK, timeout=0):
                if message.error() is not None:
                    continue
                rule = self._rules[message.topic() or ""]
                self.seen[rule.name] += 1
                result = read_result(rule, message.key(), message.value() or b"")
                if result is not None:
                    self.newest[rule.name].append(result)
                    fresh.setdefault(rule.name, []).append(result)
        return fresh

    def close(self) -> None:
        """Stop following."""
        self._consumer.close()
