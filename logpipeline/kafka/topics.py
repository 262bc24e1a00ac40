"""The topics of a pipeline: what the resource wants, and what has to change on a Kafka to get there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from logpipeline.api import LogPipeline
from logpipeline.errors import LogPipelineError

# The largest record that any part of the pipeline takes. Kafka's own default, 1 MiB, loses log lines with long URLs or
# bodies.
RECORD_BYTES = 16 * 1024 * 1024
# Invalid records and dead letters carry a whole record and say why; as base64 it is a third longer.
WRAPPED_BYTES = 24 * 1024 * 1024
TIMESTAMP_TYPE = "message.timestamp.type"


@dataclass(frozen=True)
class TopicSpec:
    """A topic as it should be. `where` is its place in the resource, for messages."""

    name: str
    where: str
    partitions: int
    replicas: int
    config: Mapping[str, str]


@dataclass(frozen=True)
class ExistingTopic:
    """A topic as it is; `config` holds at least the keys that we set."""

    partitions: int
    config: Mapping[str, str]


@dataclass(frozen=True)
class TopicPlan:
    """What has to be done. `grow` is the new total number of partitions a topic, `configure` the settings to change."""

    create: list[TopicSpec] = field(default_factory=list)
    grow: dict[str, int] = field(default_factory=dict)
    configure: dict[str, dict[str, str]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.create or self.grow or self.configure)


def wanted_topics(pipeline: LogPipeline, brokers: int) -> dict[str, TopicSpec]:
    """Return the topics of `pipeline` by use (the keys of `LogPipeline.topics`) on a Kafka of `brokers` brokers.

    There can be no more replicas than brokers, so the resource of a cluster also runs on one machine.
    """
    specs = {}
    for use, topic in pipeline.topics().items():
        config = {"cleanup.policy": "delete", "retention.ms": str(round(topic.retention.total_seconds() * 1000))}
        if use == "raw":
            config["max.message.bytes"] = str(RECORD_BYTES)
            if pipeline.spec.kafka.external is None:
                # The broker's clock, against which maxFutureSkew measures: by default the timestamp is the producer's
                # own, and a producer with a wrong clock agrees with itself. Of a Kafka that is not ours others may
                # depend on it.
                config[TIMESTAMP_TYPE] = "LogAppendTime"
        elif use in ("invalid", "sink-dead-letters"):
            config["max.message.bytes"] = str(WRAPPED_BYTES)
        elif use == "alerts":
            # What is open must not go because it is old.
            config = {"cleanup.policy": "compact"}
        assert topic.name is not None
        assert topic.replicas is not None  # `topics` fills both in
        replicas = min(topic.replicas, brokers)
        specs[use] = TopicSpec(topic.name, _where(pipeline, use), topic.partitions, replicas, config)
    return specs


def _where(pipeline: LogPipeline, use: str) -> str:
    if use.startswith("goal "):
        index = [goal.name for goal in pipeline.spec.goals].index(use.removeprefix("goal "))
        return f"spec.goals[{index}].topic"
    return {
        "raw": "spec.source.topic",
        "invalid": "spec.source.invalidTopic",
        "sink-dead-letters": "spec.sink.deadLetterTopic",
        "alerts": "spec.alerting.topic",
    }[use]


def plan_topics(wanted: Mapping[str, TopicSpec], existing: Mapping[str, ExistingTopic]) -> TopicPlan:
    """Return what makes the topics in `existing` (by name) those in `wanted`.

    Raises LogPipelineError, a line a topic, where partitions would have to go: Kafka cannot, and their records would be
    lost.
    """
    plan = TopicPlan()
    faults = []
    for spec in wanted.values():
        current = existing.get(spec.name)
        if current is None:
            plan.create.append(spec)
            continue
        if current.partitions > spec.partitions:
            faults.append(
                f"{spec.where}.partitions: the topic {spec.name!r} has {current.partitions} partitions and they never "
                f"shrink to {spec.partitions}; write {current.partitions}, or name another topic"
            )
        elif current.partitions < spec.partitions:
            plan.grow[spec.name] = spec.partitions
        different = {key: value for key, value in spec.config.items() if current.config.get(key) != value}
        if different:
            plan.configure[spec.name] = different
    if faults:
        raise LogPipelineError("\n".join(faults))
    return plan
