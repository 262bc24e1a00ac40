"""What the writer of a lake is started with: one document, made of the resource by both runtimes."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

from pydantic import Field

from logpipeline.api import LogPipeline
from logpipeline.api.base import Model
from logpipeline.api.kafka import KafkaSecurity
from logpipeline.api.source import COLUMNS, RawTopic, Source, Topic
from logpipeline.rules import Rule, rule_of

Seconds = Annotated[float, Field(gt=0)]


class KafkaSettings(Model):
    """The Kafka that is read; `secret_folder` holds a file for each key of its Secret."""

    bootstrap_servers: str
    security: KafkaSecurity | None = None
    secret_folder: Path | None = None


class ResultTopic(Model):
    """The results of a goal, as `logpipeline.results` reads them."""

    name: str
    topic: str
    group_by: list[str]
    value_name: str


class Retention(Model):
    """How long a row of each table is kept, in seconds, and a file of counts by status, None where there are none."""

    raw: Seconds
    results: Seconds
    statuses: Seconds | None = None

    def by_name(self) -> dict[str, float]:
        """Return the seconds of each that there is."""
        return self.model_dump(exclude_none=True)


class LakeSettings(Model):
    """`owner` tells a pipeline from all others that could write to the same place; `fields` are what
    `other_fields` returns; `secret_folder` holds a file for each key of the lake's own Secret.
    """

    pipeline: str
    owner: str
    uri: str
    kafka: KafkaSettings
    raw_topic: str
    source: Source
    fields: list[str] = Field(default_factory=list)
    results: list[ResultTopic]
    trigger: Seconds
    max_records_per_batch: Annotated[int, Field(ge=1)] = 500_000
    retention: Retention
    maintenance: Seconds = 600.0
    secret_folder: Path | None = None
    metrics_address: str = "127.0.0.1"
    metrics_port: int = 9405


def lake_settings(
    pipeline: LogPipeline,
    *,
    owner: str,
    uri: str,
    kafka: KafkaSettings,
    secret_folder: Path | None = None,
    **serving: str | int,
) -> LakeSettings:
    """Return the settings of the lake of `pipeline`, which has one, by their names; `serving` is what differs from the
    defaults of the fields that begin with `metrics_`.
    """
    spec, topics = pipeline.spec, pipeline.topics()
    assert spec.lake is not None
    tables, rules = spec.lake.tables, [rule_of(goal) for goal in spec.goals]
    return LakeSettings(
        pipeline=pipeline.name,
        owner=owner,
        uri=uri,
        kafka=kafka,
        raw_topic=topics["raw"].name or "",
        source=_reading(spec.source),
        fields=other_fields(rules),
        results=[_result_topic(rule, topics[f"goal {rule.name}"]) for rule in rules],
        trigger=spec.lake.trigger.total_seconds(),
        retention=Retention(
            raw=tables.raw.retention.total_seconds(),
            results=tables.results.retention.total_seconds(),
            statuses=tables.statuses.retention.total_seconds() if tables.statuses else None,
        ),
        secret_folder=secret_folder,
        **serving,  # type: ignore[arg-type]  # checked by the model
    )


def other_fields(rules: Iterable[Rule]) -> list[str]:
    """Return the fields that `rules` use and that are no columns of ours, sorted."""
    return sorted({field for rule in rules for field in rule.fields}.difference(COLUMNS))


def _result_topic(rule: Rule, topic: Topic) -> ResultTopic:
    return ResultTopic(name=rule.name, topic=topic.name or "", group_by=list(rule.group_by), value_name=rule.value_name)


def _reading(source: Source) -> Source:
    """Return what of a source decides how a record is read: a change of anything else must not restart the writer."""
    plain = Source()
    kept = ("format", "fields", "timestamp", "max_future_skew")
    others = {name: getattr(plain, name) for name in Source.model_fields if name not in kept}
    return source.model_copy(update={**others, "topic": RawTopic(), "invalid_topic": Topic()})
