"""The Kafka cluster as an administrator sees it: reachable or not, and a topic to size up, create or reset.

Connections are librdkafka's; a file of its properties (`security.protocol`, `sasl.username`, …) keeps secrets off the
command line.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource, ConfigSource, NewTopic, ResourceType

from logpipeline.errors import LogPipelineError

ALL_BROKERS_DOWN = KafkaError._ALL_BROKERS_DOWN  # noqa: SLF001 — the underscore marks errors of the client, not privacy
REACH_SECONDS = 10.0
"""How long a start waits for the cluster before it gives up."""
_ADMIN_SECONDS = 30.0
_LOOK_SECONDS, _LOOK_EVERY, _TELL_SECONDS = 3.0, 0.5, 30.0
MAX_MESSAGE_BYTES = 16 << 20
_RECORD_OVERHEAD_BYTES = 128
"""A batch of one record adds up to 61 bytes of header and 28 of lengths and deltas to its value."""

# librdkafka writes to stderr unless it is given a logger; what matters in its log reaches the user by the error
# callback.
silent = logging.getLogger("logpipeline_generator.librdkafka")
silent.addHandler(logging.NullHandler())
silent.propagate = False


@dataclass
class Cluster:
    """A cluster and the topic that is written to."""

    bootstrap_servers: str
    topic: str
    properties: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._last_error = "no answer"
        try:
            self._admin = AdminClient(self.settings(error_cb=self._note_error), logger=silent)
        except KafkaException as error:
            raise LogPipelineError(f"Kafka client configuration: {error.args[0].str()}") from error

    def settings(self, **extra: Any) -> dict[str, Any]:
        """Librdkafka's settings for this cluster; the user's properties win over `extra`."""
        return {**extra, **self.properties, "bootstrap.servers": self.bootstrap_servers}

    def partitions(self, seconds: float = REACH_SECONDS) -> int:
        """The topic's partition count, 0 if it does not exist; raises when the cluster does not answer in time."""
        try:
            found = self._admin.list_topics(self.topic, timeout=seconds).topics.get(self.topic)
        except KafkaException as error:
            self._admin.poll(0)
            raise LogPipelineError(
                f"cannot reach Kafka at {self.bootstrap_servers}: "
                f"tried for {seconds:.0f} s ({self._last_error}); is it up, and --bootstrap-servers right?"
            ) from error
        if found is None or (found.error and found.error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART):
            return 0
        if found.error:
            raise LogPipelineError(f"topic {self.topic}: {found.error.str()}")
        return len(found.partitions)

    def ensure_topic(self, partitions: int | None) -> int:
        """Create the topic unless it is there (`partitions`: None for the broker's default); its partition count."""
        if not self.partitions():
            self._create(NewTopic(self.topic, partitions or -1, -1))
        return self._settled()

    def await_topic(self, stopping: Callable[[], bool], note: Callable[[str], None]) -> int:
        """The topic's partition count as soon as it is there, waiting for as long as it takes; 0 when told to stop."""
        told = -math.inf
        while not stopping():
            try:
                missing = "" if self.partitions(_LOOK_SECONDS) else "it does not exist"
            except LogPipelineError as error:
                missing = error.message
            if not missing:
                return self._settled()
            if time.monotonic() - told >= _TELL_SECONDS:
                told = time.monotonic()
                note(f"waiting for the topic {self.topic}: {missing}")
            time.sleep(_LOOK_EVERY)
        return 0

    def reset_topic(self, partitions: int | None) -> int:
        """Delete the topic with all its records and create it again as it was; returns its partition count."""
        count = self.partitions()
        if not count:
            return self.ensure_topic(partitions)
        metadata = self._admin.list_topics(self.topic, timeout=REACH_SECONDS).topics[self.topic]
        replicas = len(metadata.partitions[0].replicas)
        own = {name: entry.value for name, entry in self._config().items() if entry.source == _OWN_SOURCE}
        self._wait_for(self._admin.delete_topics([self.topic])[self.topic], "delete")
        self._create(NewTopic(self.topic, count, replicas, config=own))
        return self._settled()

    def line_limit(self) -> int:
        """Longest line (bytes) that the topic takes; the client's own limit when the topic's cannot be asked for."""
        try:
            limit = int(self._config()["max.message.bytes"].value)
        except (LogPipelineError, KeyError):
            limit = MAX_MESSAGE_BYTES
        return min(limit, MAX_MESSAGE_BYTES) - _RECORD_OVERHEAD_BYTES

    def _config(self) -> dict[str, Any]:
        resource = ConfigResource(ResourceType.TOPIC, self.topic)
        return dict(self._wait_for(self._admin.describe_configs([resource])[resource], "read the settings of"))

    def _create(self, topic: NewTopic) -> None:
        # deletion goes on in the background: until it is over the name is taken
        deadline = time.monotonic() + _ADMIN_SECONDS
        while True:
            try:
                self._wait_for(self._admin.create_topics([topic])[self.topic], "create")
            except LogPipelineError as error:
                cause = error.__cause__
                taken = isinstance(cause, KafkaException) and cause.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS
                if not taken or time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
            else:
                return

    def _settled(self) -> int:
        """The partition count, once every partition has a leader."""
        deadline = time.monotonic() + _ADMIN_SECONDS
        while True:
            found = self._admin.list_topics(self.topic, timeout=REACH_SECONDS).topics[self.topic]
            if found.partitions and all(partition.leader >= 0 for partition in found.partitions.values()):
                return len(found.partitions)
            if time.monotonic() > deadline:
                raise LogPipelineError(
                    f"topic {self.topic}: not every partition has a leader after {_ADMIN_SECONDS:.0f} s"
                )
            time.sleep(0.05)

    def _wait_for(self, future: Any, verb: str) -> Any:
        try:
            return future.result(timeout=_ADMIN_SECONDS)
        except KafkaException as error:
            raise LogPipelineError(f"cannot {verb} topic {self.topic}: {error.args[0].str()}") from error

    def _note_error(self, error: KafkaError) -> None:
        # "all brokers are down" follows each connection's own reason and says less
        if error.code() != ALL_BROKERS_DOWN:
            self._last_error = error.str()


_OWN_SOURCE = ConfigSource.DYNAMIC_TOPIC_CONFIG.value
