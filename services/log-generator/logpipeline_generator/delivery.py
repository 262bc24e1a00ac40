"""Lines into a topic: each exactly once, spread evenly, and in order within a partition.

The n-th line goes to partition n mod P, so the partitions never drift apart by more than what is under way
(`window_lines`): a reader that takes the partitions side by side sees the lines in nearly their own order. librdkafka's
own partitioners fill one partition for a while, or at random, and drift further.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from logpipeline.errors import LogPipelineError
from logpipeline_generator.cluster import ALL_BROKERS_DOWN, MAX_MESSAGE_BYTES, Cluster, silent

WINDOW_LINES = 20_000
"""Lines under way: few enough that partitions stay close together, and more of them would not be faster."""
_WINDOW_BYTES = 64 << 20

LINGER_MS = 5
"""How long a record waits for company. A longer wait makes fuller batches, but against the window it gains no speed."""

_SETTINGS = {
    "enable.idempotence": True,  # with acks=all: a retry after a lost answer writes nothing twice, and order is kept
    "acks": "all",
    "message.timeout.ms": 0,  # a record waits for the broker for ever: giving up is the user's to decide
    "message.max.bytes": MAX_MESSAGE_BYTES,
    "batch.size": 1_000_000,
    "compression.type": "lz4",
    # never reached: the window below is what blocks. A queue that refuses the middle of a batch would break the order
    # of lines.
    "queue.buffering.max.messages": 10 * WINDOW_LINES,
    "queue.buffering.max.kbytes": 1 << 20,
    "reconnect.backoff.max.ms": 1_000,
    # a broker that has just started may not know its topics yet: that must not fail what is under way
    "topic.metadata.propagation.max.ms": 300_000,
}


class Delivery:
    """A producer that counts what was sent, acknowledged and failed; use from one thread."""

    def __init__(
        self,
        cluster: Cluster,
        partitions: int,
        *,
        stopping: Callable[[], bool],
        note: Callable[[str], None],
        window_lines: int = WINDOW_LINES,
    ) -> None:
        settings = cluster.settings(**_SETTINGS, **{"linger.ms": LINGER_MS, "error_cb": self._on_error})
        try:
            self._producer = Producer(settings, logger=silent)
        except KafkaException as error:
            raise LogPipelineError(f"Kafka client configuration: {error.args[0].str()}") from error
        self._servers, self._topic, self._partitions = cluster.bootstrap_servers, cluster.topic, partitions
        self._window_lines, self._stopping, self._note = window_lines, stopping, note
        self._bytes = 0
        self._waiting = False
        self._fatal: KafkaError | None = None
        self.sent = 0
        self.acknowledged = 0
        self.failed = 0
        self.first_failure = ""

    @property
    def outstanding(self) -> int:
        """Lines sent whose fate is not known yet."""
        return self.sent - self.acknowledged - self.failed

    def send(self, lines: Sequence[bytes]) -> bool:
        """Queue all `lines`, waiting while too many are under way; False, and none queued, when told to stop."""
        while self.outstanding and (self.outstanding + len(lines) > self._window_lines or self._bytes > _WINDOW_BYTES):
            self.poll(0.05)
            if self._stopping():
                return False
        for partition in range(self._partitions):
            self._send_to(partition, lines[(partition - self.sent) % self._partitions :: self._partitions])
        self.sent += len(lines)
        self.poll(0)
        return True

    def poll(self, seconds: float) -> None:
        """Take in what the broker has said, waiting up to `seconds` for something."""
        self._producer.poll(seconds)
        if self._fatal:
            raise LogPipelineError(f"Kafka: {self._fatal.str()}; {self.outstanding:,} lines are not delivered")

    def flush(self, grace_seconds: float, abandon: Callable[[], bool]) -> None:
        """Wait for every answer; once told to stop `grace_seconds` at most, and no longer if `abandon` says so."""
        deadline: float | None = None
        while self.outstanding and not abandon():
            if deadline is None and self._stopping():
                deadline = time.monotonic() + grace_seconds
            if deadline is not None and time.monotonic() > deadline:
                return
            # flush, unlike poll, sends what lingers at once
            self._producer.flush(0.1)
            self.poll(0)

    def _send_to(self, partition: int, lines: Sequence[bytes]) -> None:
        for line in lines:
            try:
                self._producer.produce(self._topic, line, partition=partition, on_delivery=self._on_delivery)
            except KafkaException as error:
                self._count_failure(error.args[0].str(), len(line))
            except BufferError as error:
                self._count_failure(str(error), len(line))
        self._bytes += sum(map(len, lines))

    # Called for every record, yet it costs a tenth of a microsecond: cheaper than any bookkeeping that would spare it.
    def _on_delivery(self, error: KafkaError | None, message: Message) -> None:
        if error is None:
            self.acknowledged += 1
            self._bytes -= len(message)
        else:
            self._count_failure(error.str(), len(message))
        if self._waiting:
            self._waiting = False
            self._note("Kafka answers again")

    def _count_failure(self, reason: str, size: int) -> None:
        self.failed += 1
        self._bytes -= size
        self.first_failure = self.first_failure or reason

    def _on_error(self, error: KafkaError) -> None:
        if error.fatal():
            self._fatal = error
        if error.code() == ALL_BROKERS_DOWN and not self._waiting:
            self._waiting = True
            self._note(f"waiting for Kafka at {self._servers}; {self.outstanding:,} lines are kept until it answers")
