"""Asks the brokers how they are and what is on the topics, and makes the topics as the resource says."""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime

from confluent_kafka import KafkaException

from logpipeline.api import LogPipeline
from logpipeline.errors import LogPipelineError
from logpipeline.kafka.admin import Cluster, KafkaAdmin, Offsets
from logpipeline.kafka.connect import sink_group
from logpipeline.kafka.group_offsets import GroupOffsets
from logpipeline.kafka.topics import TIMESTAMP_TYPE, TopicSpec, plan_topics, wanted_topics
from logpipeline_operator.observe.credentials import SecretValues, kafka_client, kafka_secret_name
from logpipeline_operator.observe.endpoints import Endpoints
from logpipeline_operator.observe.facts import Fault, FaultKind, KafkaFacts, TopicsFacts
from logpipeline_operator.observe.faults import PeerError, kafka_fault, network_words, with_secret

_CONNECT_SECONDS, _KNOCK_SECONDS = 1.0, 3.0
_METADATA_SECONDS = 3.0
_OFFSETS_SECONDS = 2.0
# How often settings of topics are compared that nothing points to having changed.
_COMPARE_SECONDS = 60.0
_SETTINGS = {"ssl.ca.pem": "ca.crt", "ssl.certificate.pem": "tls.crt", "ssl.key.pem": "tls.key"}


@dataclass
class TopicsMemory:
    """What is remembered of a pipeline's topics: which were wanted when they were last seen to be right, and when."""

    wanted: Mapping[str, TopicSpec] = field(default_factory=dict)
    compared: float = float("-inf")
    facts: TopicsFacts = field(default_factory=TopicsFacts)


def observe_kafka(
    pipeline: LogPipeline, endpoints: Endpoints, secrets: SecretValues, memory: TopicsMemory, now: float
) -> tuple[KafkaFacts, TopicsFacts]:
    """Return how brokers and topics are; the topics of a pipeline that is not suspended are put right on the way.

    `now` is in seconds of any steady clock.
    """
    secret, servers = kafka_secret_name(pipeline), endpoints.bootstrap_servers
    observed_at = datetime.now(UTC)
    try:
        settings = kafka_client(pipeline, servers, secrets)
        _knock(servers)
        # Their threads end with them; a client a pipeline would be thousands.
        admin = _admin(settings, secret)
        # Made now: it looks for its coordinator while the others are asked.
        sink = GroupOffsets(settings, sink_group(pipeline)) if pipeline.spec.sink else None
    except PeerError as error:
        return KafkaFacts(fault=error.fault, observed_at=observed_at), TopicsFacts()
    try:
        cluster = admin.cluster(_METADATA_SECONDS)
        topics = _topics(pipeline, admin, cluster, memory, now)
        return _facts(pipeline, endpoints, admin, sink, cluster, observed_at), topics
    except KafkaException as error:
        fault = kafka_fault(error.args[0], admin.last_fault(), servers, secret)
        return KafkaFacts(fault=fault, observed_at=observed_at), TopicsFacts()


def _knock(servers: str) -> None:
    """Raise PeerError when no server takes a connection: a client would try again and again for nothing."""
    faults: list[OSError] = []
    until = time.monotonic() + _KNOCK_SECONDS
    for server in servers.split(","):
        if faults and time.monotonic() > until:
            break  # of a long list not each has a second
        host, _, port = server.rpartition(":")
        try:
            with closing(socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT_SECONDS)):
                return
        except OSError as error:
            faults.append(error)
    raise PeerError(FaultKind.UNREACHABLE, f"Kafka at {servers} does not answer: {network_words(faults[0])}")


def _admin(settings: Mapping[str, str], secret: str | None) -> KafkaAdmin:
    try:
        return KafkaAdmin(settings)
    except KafkaException as error:
        # The text of a certificate that cannot be read is not repeated.
        keys = [key for setting, key in _SETTINGS.items() if setting in str(error)] or ["ca.crt, tls.crt or tls.key"]
        raise PeerError(
            FaultKind.SECRET_INVALID, f"{keys[0]} in the Secret {secret!r} cannot be used by a Kafka client"
        ) from error


def _topics(
    pipeline: LogPipeline, admin: KafkaAdmin, cluster: Cluster, memory: TopicsMemory, now: float
) -> TopicsFacts:
    if pipeline.spec.suspend:
        return memory.facts
    wanted = wanted_topics(pipeline, cluster.brokers)
    there = all(
        spec.name in cluster.topics and cluster.topics[spec.name].partitions == spec.partitions
        for spec in wanted.values()
    )
    if there and memory.facts.ready and wanted == memory.wanted and now - memory.compared < _COMPARE_SECONDS:
        return memory.facts
    memory.wanted, memory.compared = wanted, now
    try:
        existing = admin.existing([spec.name for spec in wanted.values()])
        if plan := plan_topics(wanted, existing):
            admin.apply(plan)
    except (LogPipelineError, KafkaException) as error:
        if (fault := _refusal(pipeline, error)) is None:
            raise
        memory.facts = TopicsFacts(ready=False, fault=fault)
    else:
        raw = existing.get(wanted["raw"].name)
        memory.facts = TopicsFacts(ready=True, timestamp_type=raw.config.get(TIMESTAMP_TYPE) if raw else None)
    return memory.facts


def _refusal(pipeline: LogPipeline, error: Exception) -> Fault | None:
    """Return what the brokers have against the topics, None when they have merely not answered."""
    message = error.message if isinstance(error, LogPipelineError) else "Kafka does not let us look at the topics"
    cause = error.__cause__ if isinstance(error, LogPipelineError) else error
    if isinstance(cause, KafkaException):
        secret = kafka_secret_name(pipeline)
        if kafka_fault(cause.args[0], None, "", secret).kind == FaultKind.NOT_AUTHORIZED:
            return Fault(FaultKind.NOT_AUTHORIZED, with_secret(message.rstrip("."), secret, "the user"))
    return Fault(FaultKind.REFUSED, message) if isinstance(error, LogPipelineError) else None


def _facts(
    pipeline: LogPipeline,
    endpoints: Endpoints,
    admin: KafkaAdmin,
    sink: GroupOffsets | None,
    cluster: Cluster,
    observed_at: datetime,
) -> KafkaFacts:
    names = {use: topic.name or "" for use, topic in pipeline.topics().items()}
    # Of a Kafka that many share the others' topics are not our affair; of our own each must be in sync before the next
    # broker restarts.
    ours = (
        cluster.topics if endpoints.brokers is not None else {name: cluster.topics.get(name) for name in names.values()}
    )
    states = [state for state in ours.values() if state is not None]
    uses = [use for use in ("raw", "invalid", "sink-dead-letters") if names.get(use) in cluster.topics]
    offsets = admin.offsets({names[use]: cluster.topics[names[use]].partitions for use in uses}, _OFFSETS_SECONDS)
    totals = {use: offsets[names[use]].total for use in uses}
    return KafkaFacts(
        observed_at=observed_at,
        brokers=cluster.brokers,
        under_replicated=sum(state.under_replicated for state in states),
        offline=sum(state.offline for state in states),
        records=totals.get("raw"),
        invalid=totals.get("invalid"),
        dead_letters=totals.get("sink-dead-letters"),
        sink_lag=_sink_lag(sink, names["raw"], offsets.get(names["raw"])),
    )


def _sink_lag(sink: GroupOffsets | None, topic: str, offsets: Offsets | None) -> int | None:
    """Return how many records of the raw topic the connector has not committed, None when that cannot be known."""
    if sink is None or offsets is None:
        return None
    committed = sink.committed(topic, offsets.end, _OFFSETS_SECONDS)
    return None if committed is None else offsets.lag(committed)
