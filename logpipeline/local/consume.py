"""`consume`: the records of a topic, a JSON line each."""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import click
import orjson
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from logpipeline.errors import LogPipelineError
from logpipeline.kafka.properties import read_client_properties
from logpipeline.local.state import newest_running, read_status
from logpipeline.plain import plain_json, say

_DEFAULT_SERVERS = "127.0.0.1:9092"
_REACH_SECONDS = 10.0
# confluent-kafka documents librdkafka's own codes under names that begin with an underscore.
_ALL_BROKERS_DOWN, _PARTITION_EOF = KafkaError._ALL_BROKERS_DOWN, KafkaError._PARTITION_EOF  # noqa: SLF001
_BATCH, _WAIT_SECONDS = 500, 0.5


@click.command()
@click.argument("topic")
@click.option(
    "--bootstrap-servers",
    help="Kafka, host:port with commas between.  [default: that of the running `up`, else 127.0.0.1:9092]",
)
@click.option(
    "--from-beginning/--latest", default=False, help="Every record that is kept, or those to come.  [default: latest]"
)
@click.option("--limit", type=click.IntRange(1), help="Stop after so many records.")
@click.option("--exit-at-end", is_flag=True, help="Stop at the records that are the last ones now.")
@click.option("--key", "with_key", is_flag=True, help='Print {"key": …, "value": …}.')
@click.option(
    "--state", type=click.Path(path_type=Path, file_okay=False), help="State folder of the `up` to ask for its Kafka."
)
@click.option(
    "--client-config", type=click.Path(path_type=Path), help="Kafka client settings, key=value lines (security)."
)
def consume(
    topic: str,
    bootstrap_servers: str | None,
    from_beginning: bool,
    limit: int | None,
    exit_at_end: bool,
    with_key: bool,
    state: Path | None,
    client_config: Path | None,
) -> None:
    """Print the records of TOPIC, a JSON line each.

    A record that is JSON is printed as it is, but for control characters, which are escaped; any other as a JSON string
    of its text. Records go to standard output,
    messages to standard error.
    """
    known_servers, known_config = running_kafka(state)
    servers = bootstrap_servers or known_servers or _DEFAULT_SERVERS
    path = client_config or (known_config if bootstrap_servers is None else None)
    reader = Reader(servers, read_client_properties(path) if path else {})
    try:
        reader.open(topic, from_beginning=from_beginning)
        if not from_beginning and not exit_at_end:
            say(f"waiting for new records on {topic}; --from-beginning shows those that are there", err=True)
        batches = reader.batches(limit=limit, exit_at_end=exit_at_end)
        _print(([render(record, with_key=with_key) for record in batch] for batch in batches), sys.stdout.buffer)
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    finally:
        reader.close()


def running_kafka(state: Path | None) -> tuple[str | None, Path | None]:
    """Return bootstrap servers and client settings of the `up` on `state`, or of the newest one that runs here."""
    status = newest_running(Path(".logpipeline")) if state is None else read_status(state)
    if status is None:
        if state is not None:
            raise LogPipelineError(f"--state: no `logpipeline up` has written a status to {state}")
        return None, None
    try:
        servers, config = status["kafka"]["bootstrap_servers"], status["kafka"]["client_config"]
    except (KeyError, TypeError) as error:
        raise LogPipelineError(
            f"--state: the status in {state} does not name a Kafka; give --bootstrap-servers"
        ) from error
    return servers, Path(config) if config else None


def render(record: Message, *, with_key: bool) -> bytes:
    """Return a record as one line of JSON, without its end."""
    value = _json(record.value())
    return b'{"key":' + _json(record.key()) + b',"value":' + value + b"}" if with_key else value


def _json(data: bytes | None) -> bytes:
    if data is None:
        return b"null"
    try:
        parsed = orjson.loads(data)
    except orjson.JSONDecodeError:
        return plain_json(orjson.dumps(data.decode("utf-8", errors="replace")))
    # As it is where it can be: decoding would lose duplicate keys and the writing of numbers.
    return plain_json(data if b"\n" not in data and b"\r" not in data else orjson.dumps(parsed))


def _print(batches: Iterable[list[bytes]], output: BinaryIO) -> None:
    try:
        for lines in batches:
            output.write(b"\n".join(lines) + b"\n")
            output.flush()
    except BrokenPipeError:
        # The reader has seen enough, as `head` does; Python would complain when it closes the pipe.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class Reader:
    """Reads one topic without a consumer group: nothing is committed and nobody else's reading is disturbed."""

    def __init__(self, servers: str, settings: dict[str, str]) -> None:
        self._servers = servers
        self._last_error = ""
        config: dict[str, Any] = {
            **settings,
            "bootstrap.servers": servers,
            "group.id": "logpipeline-consume",
            "enable.auto.commit": False,
            "allow.auto.create.topics": False,
            "error_cb": self._remember,
            "enable.partition.eof": True,
            "log_level": 0,
        }
        try:
            self._consumer = Consumer(config)
        except KafkaException as error:
            raise LogPipelineError(f"the Kafka client settings are not usable: {error.args[0].str()}") from error
        self._ends: dict[int, int] = {}

    def _remember(self, error: KafkaError) -> None:
        if error.code() != _ALL_BROKERS_DOWN:  # the reason comes in an error of its own
            self._last_error = error.str()

    def open(self, topic: str, *, from_beginning: bool) -> None:
        """Go to the first record or past the last one; raises LogPipelineError for no broker or no such topic."""
        try:
            topics = self._consumer.list_topics(timeout=_REACH_SECONDS).topics
        except KafkaException as error:
            reason = self._last_error or error.args[0].str()
            raise LogPipelineError(
                f"Kafka at {self._servers} cannot be reached: tried for {_REACH_SECONDS:.0f} s ({reason}); "
                "is `logpipeline up` running? --bootstrap-servers names another"
            ) from error
        if topic not in topics:
            near = difflib.get_close_matches(topic, topics, n=3, cutoff=0.5)
            others = near or sorted(name for name in topics if not name.startswith("__"))
            remedy = f"did you mean {' or '.join(near)}?" if near else f"there are: {', '.join(others) or 'none'}"
            raise LogPipelineError(f"no topic {topic!r} on Kafka at {self._servers}; {remedy}")
        places = [TopicPartition(topic, number) for number in topics[topic].partitions]
        starts = []
        for place in places:
            begin, end = self._consumer.get_watermark_offsets(place, timeout=_REACH_SECONDS)
            if from_beginning and begin < end:
                self._ends[place.partition] = end
            start = OFFSET_BEGINNING if from_beginning else end
            starts.append(TopicPartition(topic, place.partition, start))
        self._consumer.assign(starts)

    def batches(self, *, limit: int | None, exit_at_end: bool) -> Iterator[list[Message]]:
        """Yield records as they come, until `limit` of them or, if asked, the end as it was at the opening."""
        left = sys.maxsize if limit is None else limit
        while left > 0 and not (exit_at_end and not self._ends):
            batch = []
            for message in self._consumer.consume(min(_BATCH, left), timeout=_WAIT_SECONDS):
                error, partition = message.error(), message.partition() or 0
                if error is None:
                    batch.append(message)
                elif error.code() != _PARTITION_EOF:
                    raise LogPipelineError(f"reading stopped: {error.str()}")
                # The last offsets may hold no record of ours (compaction, transactions): then only Kafka's word tells.
                if error is not None or (message.offset() or 0) + 1 >= self._ends.get(partition, sys.maxsize):
                    self._ends.pop(partition, None)
            left -= len(batch)
            if batch:
                yield batch

    def close(self) -> None:
        """Leave the brokers."""
        self._consumer.close()
