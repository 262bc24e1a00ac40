"""Where the raw records go for search: Kafka Connect into Elasticsearch."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from logpipeline.api.base import Duration, Matching, Model, Port, SecretReference, Settings, part
from logpipeline.api.cel import CelRule, are_durations, exactly_one, is_whole_seconds, one_of_fault, seconds, unchanged
from logpipeline.api.kafka import Storage
from logpipeline.api.pods import Workload
from logpipeline.api.source import Topic


class Kibana(Workload):
    """A Kibana in front of the managed Elasticsearch."""


class ManagedElasticsearch(Workload):
    """A single Elasticsearch node of the pipeline's own."""

    storage: Storage = part(Storage, "Volume of the node.")
    port: Port | None = Field(None, description="HTTP port; absent: 9200, or a free one on one machine.")
    kibana: Kibana | None = Field(None, description="Kibana, on a cluster only; absent: none.")


class ExternalElasticsearch(Model):
    """An Elasticsearch that is there already."""

    url: Annotated[
        str,
        Field(max_length=2000),
        Matching(
            "url",
            r"^https?://[^\s,@]+(,https?://[^\s,@]+)*$",
            "is not an address; write http(s)://host:port, several with commas between; credentials stand in the "
            "Secret that secretRef names, never here",
        ),
    ] = Field(description="http(s)://host:port, several with commas between.")
    secret_ref: SecretReference | None = Field(
        None, description="Secret with apiKey, or username and password; ca.crt when its certificate is private."
    )


_WHERE = ("managed", "external")
_WHOLE_DAYS = "retention: indices are removed by the day; write whole days, for example 7d"


class Elasticsearch(Model):
    """The index of the raw records."""

    managed: ManagedElasticsearch | None = Field(None, description="Run an Elasticsearch for this pipeline.")
    external: ExternalElasticsearch | None = Field(None, description="Use an Elasticsearch that is there.")
    index: (
        Annotated[
            str,
            Field(max_length=200),
            Matching(
                "index",
                r"^[a-z0-9][a-z0-9._-]*$",
                "is not the name of an index; use small letters, digits, dots, underscores and hyphens",
            ),
        ]
        | None
    ) = Field(
        None,
        description="Index, or alias of the dated indices when retention is set; absent: the pipeline's name, and "
        "<namespace>.<name> for an external Elasticsearch of a pipeline on a cluster.",
    )
    retention: Duration | None = Field(
        None, description="Whole days to keep; set: one index a day behind the alias, old ones are removed."
    )

    cel: ClassVar = (
        exactly_one("elasticsearch", _WHERE),
        CelRule(
            "elasticsearch-stays",
            "has(self.managed) == has(oldSelf.managed)",
            "a running sink never moves to another Elasticsearch, for what is indexed would stay behind; take "
            "spec.sink out and apply, then give it anew",
        ),
        CelRule(
            "retention-days",
            f"!has(self.retention) || !({are_durations('self.retention')}) || "
            f"{seconds('self.retention')} >= 86400 && {seconds('self.retention')} % 86400 == 0 && "
            f"{is_whole_seconds('self.retention')}",
            _WHOLE_DAYS,
            field="retention",
        ),
        CelRule(
            "retention-needs-alias",
            f"has(self.retention) == has(oldSelf.retention) || !({unchanged('index')})",
            "with retention the name is an alias of dated indices, without it an index; give another index in the same "
            "edit",
            field="retention",
        ),
    )

    @model_validator(mode="after")
    def _holds_together(self) -> Elasticsearch:
        if (self.managed is None) == (self.external is None):
            raise ValueError(one_of_fault(_WHERE, [name for name in _WHERE if getattr(self, name) is not None]))
        if self.retention is not None and (
            not self.retention.days or self.retention.seconds or self.retention.microseconds
        ):
            raise ValueError(_WHOLE_DAYS)
        return self


class Connect(Workload):
    """The Kafka Connect workers that carry the records over."""

    replicas: Annotated[int, Field(ge=1, le=100)] = Field(1, description="Workers.")
    tasks_max: Annotated[int, Field(ge=1, le=1000)] = Field(2, description="Tasks of the connector.")
    port: Port | None = Field(None, description="REST port; absent: 8083, or a free one on one machine.")
    connector_class: Annotated[
        str,
        Field(max_length=500),
        Matching(
            "connector-class", r"^[A-Za-z_$][A-Za-z0-9_$.]*$", "is not a Java class; write its full name with packages"
        ),
    ] = Field(
        "dev.logpipeline.connect.ElasticsearchSinkConnector",
        description="Another sink connector, if it is on the workers.",
    )
    config: Settings = Field(
        default_factory=dict, description="Connector settings to add; those that the pipeline stands on win."
    )


class Sink(Model):
    """Absent: the records are not indexed."""

    elasticsearch: Elasticsearch = Field(description="Where the records are indexed.")
    connect: Connect = part(Connect, "The workers that carry them over.")
    dead_letter_topic: Topic = part(Topic, "Records that Elasticsearch refuses; <pipeline>.sink-dead-letters.")
