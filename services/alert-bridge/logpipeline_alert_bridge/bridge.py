"""The loop: read detections, keep what they mean, tell everyone, commit.

What is read is in the store before its offset is committed, and a detection that is read again is in its episode
already: a bridge that is killed at any point forgets nothing and tells nothing twice.
"""

from __future__ import annotations

import functools
import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message

from logpipeline.api import LogPipeline
from logpipeline.results import MalformedResultError
from logpipeline_alert_bridge.alerts import alert
from logpipeline_alert_bridge.detections import AlertingGoal, detection
from logpipeline_alert_bridge.episodes import Episode
from logpipeline_alert_bridge.ledger import Ledger, Name, Policy
from logpipeline_alert_bridge.metrics import BridgeMetrics
from logpipeline_alert_bridge.reading import Reading
from logpipeline_alert_bridge.receivers import Receiver
from logpipeline_alert_bridge.store import Store
from logpipeline_alert_bridge.text import plain
from logpipeline_alert_bridge.topics import TopicIds
from logpipeline_alert_bridge.watermarks import Watermarks

_LOG = logging.getLogger(__name__)
_BATCH, _WAIT_SECONDS = 1000, 0.5
_RETELL_SECONDS = 900.0
"""A closed alert is told of for so long, as Prometheus does: an Alertmanager may be down when it ends."""
_OWE_SECONDS = 86_400.0
"""A webhook that is down is owed the end of an alert for so long."""
_PEERS_SECONDS = 30.0
_MOST_SENDS = 16


class Bridge:
    """From the result topics of one pipeline to its receivers. `receivers` returns the present ones by name."""

    def __init__(
        self,
        pipeline: LogPipeline,
        goals: Mapping[str, AlertingGoal],
        consumer: Consumer,
        store: Store,
        watermarks: Watermarks,
        reading: Reading,
        topics: TopicIds,
        receivers: Callable[[Mapping[str, Receiver]], Mapping[str, Receiver]],
        metrics: BridgeMetrics,
        index: str,
    ) -> None:
        assert pipeline.spec.alerting is not None
        self._pipeline = pipeline
        self._goals = goals
        self._by_name = {goal.rule.name: goal for goal in goals.values()}
        self._consumer = consumer
        self._store = store
        self._watermarks = watermarks
        self._reading = reading
        self._topics = topics
        self._find_receivers = receivers
        self._receivers: Mapping[str, Receiver] = {}
        self._found_at = float("-inf")
        self._metrics = metrics
        self._index = index
        self._owe_seconds = _RETELL_SECONDS if pipeline.spec.alerting.webhook is None else _OWE_SECONDS
        self._max_age = pipeline.spec.alerting.max_age.total_seconds()
        # Changes that Kafka has not confirmed: nobody is told of them before.
        self._unkept: dict[Name, Episode | None] = {}
        # Messages of which Kafka does not say which topic they are from: nothing is read or committed before them.
        self._untaken: list[Message] = []
        self._joined = False
        self.turned_at = time.monotonic()
        self.restored = False

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set; raises KafkaException when Kafka fences it off."""
        policies = {name: Policy(goal.gap, goal.most_open) for name, goal in self._by_name.items()}
        ledger = Ledger(policies, self._restore(stop))
        _LOG.info("%d alerts are known from before", len(list(ledger)))
        self.restored = True
        self._consumer.subscribe(list(self._goals))
        with ThreadPoolExecutor(_MOST_SENDS, thread_name_prefix="send") as pool:
            while not stop.is_set():
                self._turn(ledger, pool)
                self.turned_at = time.monotonic()
        self._consumer.close()

    def _restore(self, stop: threading.Event) -> list[Episode]:
        """Return what was kept, as soon as Kafka and the topic are there: a pipeline's parts start in any order."""
        told = ""
        while not stop.is_set():
            try:
                return self._store.read()
            except KafkaException as error:
                if told != (told := error.args[0].str()):
                    _LOG.info("waiting for the open alerts: %s", told)
            self.turned_at = time.monotonic()
            stop.wait(1.0)
        return []

    def _turn(self, ledger: Ledger, pool: ThreadPoolExecutor) -> None:
        self._check_assignment()
        messages = self._untaken or self._read()
        now = time.time()
        self._untaken = self._take_all(ledger, messages, now)
        for name in self._by_name:
            if ledger.has_open(name):
                over, watermark = self._reading.caught_up(name, *self._watermarks.get(name, time.monotonic()))
                if over:
                    ledger.close(name, watermark, now)
            self._metrics.set_open(name, ledger.open(name))
            self._metrics.set_progress_age(name, self._watermarks.age(name, time.monotonic()))
        ledger.forget(now - _RETELL_SECONDS, untold_before=now - self._owe_seconds)
        self._keep(ledger)
        self._tell(ledger, pool, now)
        if messages and not self._unkept and not self._untaken:
            self._commit()

    def _check_assignment(self) -> None:
        """Join the group again when it has assigned other topics than are subscribed to.

        A static member that restarts is given the assignment of its predecessor, although the goals may have changed
        (KIP-814 mends that in the Java client alone). A topic that does not exist yet costs one more rebalance.
        """
        assigned = {place.topic for place in self._consumer.assignment()}
        if self._joined or not assigned:
            return
        self._joined = True
        if assigned != set(self._goals):
            self._consumer.unsubscribe()
            self._consumer.subscribe(list(self._goals))

    def _read(self) -> list[Message]:
        # Whoever asks for many at once waits for many: the first is told of now, with what has come along with it.
        messages: list[Message] = self._consumer.consume(1, timeout=_WAIT_SECONDS)
        messages += self._consumer.consume(_BATCH, timeout=0)
        return messages

    def _keep(self, ledger: Ledger) -> None:
        self._unkept |= ledger.changes()
        if not self._unkept:
            return
        try:
            self._store.write(self._unkept)
        except KafkaException as error:
            # Without Kafka there is nothing new, and what is open has to be told of all the same.
            _LOG.warning("Kafka does not keep the open alerts, trying again: %s", error.args[0].str())
        else:
            self._unkept = {}

    def _commit(self) -> None:
        try:
            self._consumer.commit(asynchronous=False)
        except KafkaException as error:
            if error.args[0].fatal():
                raise
            # The next one says the same, and what is read again changes nothing.
            _LOG.warning("Kafka does not take the offsets: %s", error.args[0].str())

    def _take_all(self, ledger: Ledger, messages: list[Message], now: float) -> list[Message]:
        """Take in messages; returns those that have to wait."""
        for index, message in enumerate(messages):
            error = message.error()
            if error is not None:
                # The topic comes with the pipeline's first pass; what else there is, the client tries again itself.
                if error.fatal():
                    raise KafkaException(error)
                if error.code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                    _LOG.warning("%s", error.str())
                continue
            if message.topic() not in self._goals:
                continue  # of the assignment of a predecessor
            try:
                topic = self._topics.of(message)
            except KafkaException as fault:
                _LOG.warning("%s cannot be described, trying again: %s", message.topic(), fault.args[0].str())
                return messages[index:]
            self._take(ledger, message, topic, now)
        return []

    def _take(self, ledger: Ledger, message: Message, topic: str, now: float) -> None:
        name = message.topic() or ""
        goal = self._goals[name]
        try:
            found = detection(goal, message.value(), topic, message.partition() or 0, message.offset() or 0)
        except MalformedResultError as fault:
            reason = plain(str(fault))
            _LOG.warning("%s [%s] at offset %s: %s", name, message.partition(), message.offset(), reason)
            self._metrics.count(goal.rule.name, "malformed")
            return
        if found.end < now - self._max_age:
            self._metrics.count(goal.rule.name, "stale")
            return
        self._metrics.count(goal.rule.name, ledger.take(found, now))

    def _tell(self, ledger: Ledger, pool: ThreadPoolExecutor, now: float) -> None:
        if time.monotonic() - self._found_at >= _PEERS_SECONDS or not self._receivers:
            self._receivers = self._find_receivers(self._receivers)
            self._found_at = time.monotonic()
        kept = [episode for episode in ledger if (episode.goal, episode.key) not in self._unkept]
        recent = [one for one in kept if one.closed_at is None or one.closed_at >= now - _RETELL_SECONDS]
        for receiver in self._receivers.values():
            episodes = kept if receiver.once else recent
            for episode in receiver.step(episodes, functools.partial(self._alert, now), pool, self._metrics):
                if receiver.once:
                    ledger.reported(episode)

    def _alert(self, now: float, episode: Episode) -> dict[str, Any]:
        return alert(self._pipeline, self._by_name[episode.goal], episode, now, self._index)
