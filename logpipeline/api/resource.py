"""The LogPipeline resource as a whole."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, model_validator

from logpipeline.api import spark_conf
from logpipeline.api.base import Duration, Model, Name, written
from logpipeline.api.goal import Goal
from logpipeline.api.kafka import Kafka, Storage
from logpipeline.api.pods import Resources, Workload
from logpipeline.api.sink import Sink
from logpipeline.api.source import Source, Topic

GROUP = "logpipeline.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
KIND = "LogPipeline"


class Checkpoint(Model):
    """Where a goal keeps its state: a volume of its own, or a folder that every pod can reach."""

    storage: Storage = Field(default_factory=lambda: Storage(size="1Gi"), description="Volume of each goal.")
    uri: Annotated[str, Field(pattern=r"^[a-z][a-z0-9+.-]*://[^\s]+$", max_length=500)] | None = Field(
        None, description="Hadoop URI of a folder, for example s3a://bucket/checkpoints; set: no volumes."
    )


class Spark(Workload):
    """How the goals' Spark applications run, each in a pod of its own on a cluster."""

    trigger: Duration = Field(written("1s"), description="Time between the starts of two micro-batches.")
    max_records_per_batch: Annotated[int, Field(ge=1000)] = Field(
        1_000_000, description="Most records of one micro-batch; bounds memory while a backlog is read."
    )
    shards: Annotated[int, Field(ge=1, le=1024)] = Field(
        2, description="Parts of a goal's state that are worked on in parallel; fixed for the life of its checkpoint."
    )
    executors: Annotated[int, Field(ge=0, le=1000)] = Field(
        0, description="Executor pods of each goal on a cluster; 0: all work is done by the driver's pod."
    )
    executor_resources: Resources | None = Field(None, description="Of an executor; absent: the proven default.")
    conf: dict[str, str] = Field(
        default_factory=dict, description="Spark configuration to add; what keeps a goal's results right is refused."
    )
    checkpoint: Checkpoint = Field(default_factory=Checkpoint, description="Where the goals keep their state.")

    @model_validator(mode="after")
    def _conf_leaves_goals_right(self) -> Spark:
        if faults := spark_conf.faults(self.conf):
            raise ValueError(f"conf: {'; '.join(faults)}")
        return self


class Spec(Model):
    """What the user wants."""

    suspend: bool = Field(False, description="Stop everything but the data.")
    delete_policy: Literal["Retain", "Delete"] = Field(
        "Retain", description="What happens to the volumes of a pipeline, or of a goal, that is deleted."
    )
    source: Source = Field(default_factory=Source, description="The raw records.")
    kafka: Kafka = Field(description="The Kafka that carries the pipeline.")
    goals: Annotated[list[Goal], Field(min_length=1, max_length=100)] = Field(description="The rules.")
    spark: Spark = Field(default_factory=Spark, description="How the goals run.")
    sink: Sink | None = Field(None, description="Search over the raw records; absent: none.")

    @model_validator(mode="after")
    def _names_are_unique(self) -> Spec:
        names = [goal.name for goal in self.goals]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"goals: the name {name!r} is given twice; every goal needs its own")
        return self


class Metadata(Model):
    """The part of Kubernetes' object metadata that we read; the rest is Kubernetes' own."""

    model_config = ConfigDict(extra="ignore")

    name: Name
    namespace: str = "default"
    generation: int = 0
    uid: str = ""
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)


class LogPipeline(Model):
    """One custom resource from access log to alert."""

    api_version: Literal["logpipeline.dev/v1alpha1"]
    kind: Literal["LogPipeline"]
    metadata: Metadata
    spec: Spec
    status: dict[str, Any] | None = Field(None, description="Written by the operator, never read from a file.")

    @model_validator(mode="after")
    def _topics_differ(self) -> LogPipeline:
        seen: dict[str, str] = {}
        for use, topic in self.topics().items():
            if topic.name in seen:
                raise ValueError(
                    f"topic {topic.name!r} is both {seen[topic.name]} and {use}; give one of them another name"
                )
            seen[topic.name or ""] = use
        return self

    @property
    def name(self) -> str:
        """The pipeline's name."""
        return self.metadata.name

    def topics(self) -> dict[str, Topic]:
        """Return every topic of the pipeline with its name filled in, by what it is for.

        Keys: `raw`, `invalid`, `sink-dead-letters` (with a sink) and `goal <name>` for each goal.
        """
        source, sink = self.spec.source, self.spec.sink
        topics: dict[str, tuple[Topic, str]] = {
            "raw": (source.topic, f"{self.name}.raw"),
            "invalid": (source.invalid_topic, f"{self.name}.invalid"),
        }
        if sink is not None:
            topics["sink-dead-letters"] = (sink.dead_letter_topic, f"{self.name}.sink-dead-letters")
        for goal in self.spec.goals:
            topics[f"goal {goal.name}"] = (goal.topic, f"{self.name}.{goal.name}")
        return {use: topic.model_copy(update={"name": topic.name or name}) for use, (topic, name) in topics.items()}

    def index(self) -> str:
        """Return the Elasticsearch index (or alias) of the raw records; the pipeline's name when the resource names
        none.
        """
        sink = self.spec.sink
        return (sink.elasticsearch.index if sink else None) or self.name

    def document(self) -> dict[str, Any]:
        """Return the resource, without its status, as a document that `parse` reads back: what is at its default is
        left out, presets are written out.
        """
        document = self.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude={"status"})
        for goal in document["spec"]["goals"]:
            # A field that the user took out of a preset would come back.
            goal.pop("preset", None)
        return document
