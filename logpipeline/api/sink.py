"""Where the raw records go for search: Kafka Connect into Elasticsearch."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from logpipeline.api.base import Duration, Model, Port, SecretReference
from logpipeline.api.kafka import Storage
from logpipeline.api.pods import Workload
from logpipeline.api.source import Topic


class Kibana(Workload):
    """A Kibana in front of the managed Elasticsearch."""


class ManagedElasticsearch(Workload):
    """A single Elasticsearch node of the pipeline's own."""

    storage: Storage = Field(default_factory=Storage, description="Volume of the node.")
    port: Port | None = Field(None, description="HTTP port; absent: 9200, or a free one on one machine.")
    kibana: Kibana | None = Field(None, description="Kibana, on a cluster only; absent: none.")


class ExternalElasticsearch(Model):
    """An Elasticsearch that is there already."""

    url: Annotated[str, Field(pattern=r"^https?://[^\s,]+(,https?://[^\s,]+)*$")] = Field(
        description="http(s)://host:port, several with commas between."
    )
    secret_ref: SecretReference | None = Field(
        None, description="Secret with apiKey, or username and password; ca.crt when its certificate is private."
    )


class Elasticsearch(Model):
    """The index of the raw records."""

    managed: ManagedElasticsearch | None = Field(None, description="Run an Elasticsearch for this pipeline.")
    external: ExternalElasticsearch | None = Field(None, description="Use an Elasticsearch that is there.")
    index: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=200)] | None = Field(
        None, description="Index, or alias of the dated indices when retention is set; absent: the pipeline's name."
    )
    retention: Duration | None = Field(
        None, description="Whole days to keep; set: one index a day behind the alias, old ones are removed."
    )

    @model_validator(mode="after")
    def _holds_together(self) -> Elasticsearch:
        if (self.managed is None) == (self.external is None):
            raise ValueError("give exactly one of managed and external")
        if self.retention is not None and (
            not self.retention.days or self.retention.seconds or self.retention.microseconds
        ):
            raise ValueError("retention: indices are removed by the day; write whole days, for example 7d")
        return self


class Connect(Workload):
    """The Kafka Connect workers that carry the records over."""

    replicas: Annotated[int, Field(ge=1, le=100)] = Field(1, description="Workers.")
    tasks_max: Annotated[int, Field(ge=1, le=1000)] = Field(2, description="Tasks of the connector.")
    port: Port | None = Field(None, description="REST port; absent: 8083, or a free one on one machine.")
    connector_class: str = Field(
        "dev.logpipeline.connect.ElasticsearchSinkConnector",
        description="Another sink connector, if it is on the workers.",
    )
    config: dict[str, str] = Field(
        default_factory=dict, description="Connector settings to add; those that the pipeline stands on win."
    )


class Sink(Model):
    """Absent: the records are not indexed."""

    elasticsearch: Elasticsearch = Field(description="Where the records are indexed.")
    connect: Connect = Field(default_factory=Connect, description="The workers that carry them over.")
    dead_letter_topic: Topic = Field(
        default_factory=Topic, description="Records that Elasticsearch refuses; <pipeline>.sink-dead-letters."
    )
