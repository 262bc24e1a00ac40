"""Where the records come from and how one is read."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from logpipeline.api.base import PRUNED, Duration, Model, TopicName, part, written
from logpipeline.api.cel import CelRule, are_durations, seconds, texts, unchanged
from logpipeline.api.pods import Workload

Format = Literal["json", "combined", "common"]
TimestampFormat = Literal["epoch", "epoch_millis", "iso8601", "clf"]

# The columns that a record has for us; anything else a record carries is reached by its own name.
COLUMNS = (
    "server", "client_ip", "method", "path", "protocol", "status", "bytes", "request_time", "host", "country",
    "referrer", "user_agent",
)  # fmt: skip
_COMMON = ("client_ip", "method", "path", "protocol", "status", "bytes")
# Those of them that a line of a text format can have. A JSON record can have any field.
TEXT_COLUMNS: dict[str, tuple[str, ...]] = {"common": _COMMON, "combined": (*_COMMON, "referrer", "user_agent")}


_ANOTHER_TOPIC = f"!({unchanged('name')})"
_SHORT_RETENTION = "retention: records would go before they are read; write at least 1m"


class Topic(Model):
    """A Kafka topic. Partitions can grow and never shrink."""

    name: TopicName | None = Field(None, description="Name of the topic; absent: derived from the pipeline's name.")
    partitions: Annotated[int, Field(ge=1, le=10_000)] = Field(1, description="Number of partitions; grows only.")
    replicas: Annotated[int, Field(ge=1, le=32767)] | None = Field(
        None, description="Replication factor; absent: 3, or as many as there are brokers when these are fewer."
    )
    retention: Duration = Field(written("24h"), description="How long Kafka keeps a record.")

    cel: ClassVar = (
        CelRule(
            "partitions-grow",
            f"{_ANOTHER_TOPIC} || self.partitions >= oldSelf.partitions",
            "partitions never shrink; write at least as many as there are, or name another topic",
            field="partitions",
        ),
        CelRule(
            "replicas-fixed",
            f"{_ANOTHER_TOPIC} || {unchanged('replicas')}",
            "replicas are set when a topic is created; take the change back, or name another topic",
            field="replicas",
        ),
        CelRule(
            "topic-retention",
            f"!({are_durations('self.retention')}) || {seconds('self.retention')} >= 60",
            _SHORT_RETENTION,
            field="retention",
        ),
    )

    @model_validator(mode="after")
    def _is_kept(self) -> Topic:
        if self.retention < timedelta(minutes=1):
            raise ValueError(_SHORT_RETENTION)
        return self


class RawTopic(Topic):
    """The topic with the raw log records."""

    partitions: Annotated[int, Field(ge=1, le=10_000)] = Field(4, description="Number of partitions; grows only.")


class Timestamp(Model):
    """Which field of a JSON record tells its event time, and how."""

    field: Annotated[str, Field(max_length=253)] = Field(
        "@timestamp", min_length=1, description="The record's own name or dotted path of the field."
    )
    format: TimestampFormat = Field(
        "epoch",
        description="epoch: seconds with fraction; epoch_millis; iso8601 (UTC without a zone); clf: $time_local.",
    )


class Generator(Workload):
    """Demo traffic: NGINX records with injected offenders. Absent: none."""

    rate_per_second: Annotated[float, Field(gt=0, le=1_000_000)] = Field(200, description="Mean records a second.")
    pattern: Literal["steady", "diurnal", "bursty"] = Field("steady", description="How the rate changes with time.")
    seed: Annotated[int, Field(ge=0, le=2**53 - 1)] = Field(0, description="The same seed gives the same records.")
    malformed_share: Annotated[float, Field(ge=0, le=1)] = Field(
        0.001, description="Share of records that are no records."
    )
    late_share: Annotated[float, Field(ge=0, le=1)] = Field(
        0, description="Share of records later than allowedLateness."
    )
    out_of_order_share: Annotated[float, Field(ge=0, le=1)] = Field(
        0.05, description="Share of records out of order, within allowedLateness."
    )
    offenders_every: Duration = Field(
        written("20s"), description="Event time between two injected offenders; 0s: none."
    )


_MAPPED = sorted({*COLUMNS, "request"})
_NO_COLUMN = f" is not a column; use one of {', '.join(_MAPPED)}"
_IS_MAPPED = (
    "has(self.fields) && size(self.fields) > 0 || self.timestamp.field != '@timestamp' || "
    "self.timestamp.format != 'epoch'"
)
_PLAIN_JSON = "generator: writes plain JSON records; leave it out where format, fields or timestamp differ"
_JSON_ONLY = (
    "fields and timestamp are for format json; the text formats fix their own columns, leave fields and timestamp out"
)


_Columns = Annotated[dict[str, Annotated[str, Field(max_length=253)]], Field(max_length=len(COLUMNS) + 1), PRUNED]


class Source(Model):
    """The raw topic, the format of its records and how much disorder is allowed."""

    topic: RawTopic = part(RawTopic, "Where the raw log records are.")
    format: Format = Field(
        "json", description="json: an object a record; combined, common: a line of an NCSA access log."
    )
    fields: _Columns = Field(
        default_factory=dict,
        description="JSON only: from our column to the record's own name or dotted path, e.g. client_ip: remote_ip. "
        "`request` names a request line that method, path and protocol are taken out of.",
    )
    timestamp: Timestamp = part(Timestamp, "JSON only: where the event time stands.")
    allowed_lateness: Duration = Field(
        written("5s"),
        description="How far the watermark stays behind the newest event time; later records are dropped and counted.",
    )
    max_future_skew: Duration = Field(
        written("10m"),
        description="A record further ahead of its Kafka timestamp is invalid; one bad clock moves no watermark. "
        "That timestamp is the broker's on a managed Kafka; on an external one it is the producer's own unless the "
        "topic has message.timestamp.type=LogAppendTime.",
    )
    idle_partition_timeout: Duration = Field(
        written("10s"),
        description="A partition without a valid record for so long (by Kafka timestamps) does not hold the watermark "
        "back.",
    )
    invalid_topic: Topic = part(Topic, "Invalid records, with the reason; <pipeline>.invalid.")
    generator: Generator | None = Field(None, description="Demo traffic; absent: none.")

    cel: ClassVar = (
        CelRule(
            "fields-are-columns",
            f"!has(self.fields) || self.fields.all(column, column in {texts(_MAPPED)})",
            f"fields: a key{_NO_COLUMN}",
            field="fields",
        ),
        CelRule(
            "fields-are-paths",
            "!has(self.fields) || self.fields.all(column, self.fields[column].matches('^[^.]+([.][^.]+)*$'))",
            "fields: a value is not a name or dotted path; write for example remote_ip or http.host",
            field="fields",
        ),
        CelRule("generator-json", f"!has(self.generator) || self.format == 'json' && !({_IS_MAPPED})", _PLAIN_JSON),
        CelRule("text-columns", f"self.format == 'json' || !({_IS_MAPPED})", _JSON_ONLY),
    )

    @model_validator(mode="after")
    def _fields_are_ours(self) -> Source:
        for column, path in self.fields.items():
            if column not in _MAPPED:
                raise ValueError(f"fields: a key{_NO_COLUMN} (given: {column})")
            if not all(path.split(".")):
                raise ValueError(
                    "fields: a value is not a name or dotted path; write for example remote_ip or http.host"
                )
        mapped = bool(self.fields) or self.timestamp != Timestamp()
        if self.generator is not None and (self.format != "json" or mapped):
            raise ValueError(_PLAIN_JSON)
        if self.format != "json" and mapped:
            raise ValueError(_JSON_ONLY)
        return self
