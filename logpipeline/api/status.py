"""The status of a LogPipeline: what the operator writes, and the schema of it in the CRD.

Moments, never ages, and no random numbers: at rest nothing changes, so nothing is written.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema, model_validator
from pydantic.alias_generators import to_camel

from logpipeline.api.base import map_by
from logpipeline.api.condition import Condition as Where

Time = Annotated[
    datetime,
    PlainSerializer(lambda moment: f"{moment:%Y-%m-%dT%H:%M:%SZ}", when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
Count = Annotated[int, Field(ge=0, json_schema_extra={"format": "int64"})]
ConditionType = Literal[
    "Ready", "Progressing", "KafkaReady", "TopicsReady", "GoalsReady", "SinkReady", "LakeReady", "FlowHealthy"
]  # fmt: skip


class StatusModel(BaseModel):
    """A part of the status. Fields of a newer operator are passed over when an older one reads it."""

    model_config = ConfigDict(
        extra="ignore",
        frozen=True,
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
    )


class Condition(StatusModel):
    """One aspect of the pipeline, in the form of Kubernetes' own conditions."""

    type: ConditionType = Field(description="The aspect.")
    status: Literal["True", "False", "Unknown"] = Field(description="Whether it holds.")
    reason: Annotated[str, Field(pattern=r"^[A-Za-z]([A-Za-z0-9_]*[A-Za-z0-9])?$", max_length=128)] = Field(
        description="Why, in one word."
    )
    message: Annotated[str, Field(max_length=32768)] = Field(description="Why, and what to do about it.")
    last_transition_time: Time = Field(description="When `status` last changed.")
    observed_generation: Count = Field(description="Generation of the spec that it speaks of.")


class RunningCondition(Where):
    """A test of one field, as a goal of this or another version runs it."""

    model_config = ConfigDict(extra="ignore")

    @model_validator(mode="after")
    def _one_operator(self) -> RunningCondition:
        """One that a newer version has is passed over, too."""
        return self


class RunningRule(StatusModel):
    """The rule by which a goal counts. A change of any field but those of `having` and `emit` needs new state."""

    where: list[RunningCondition] = Field(description="Conditions that all hold.")
    group_by: list[str] = Field(description="Fields of the group key.")
    window_size: Count = Field(alias="window.size", description="Length of a window in seconds.")
    window_slide: Count = Field(alias="window.slide", description="Distance of two window starts in seconds.")
    aggregate: str = Field(description="What is computed, for example count or avg_request_time.")
    having: float | None = Field(None, alias="having.greaterThan", description="The threshold.")
    times_previous: float | None = Field(
        None, alias="having.timesPrevious", description="So many times the mean of the windows before a result is."
    )
    over: Count | None = Field(None, alias="having.over", description="How many windows those are.")
    emit: Literal["early", "final"] | None = Field(None, description="When a window is a result.")
    source_topic: str = Field(alias="source.topic", description="The raw topic whose offsets the state holds.")
    spark_shards: Count = Field(alias="spark.shards", description="Number of parts of the state.")


class GoalStatus(StatusModel):
    """One goal: what it runs and how far it is."""

    name: str = Field(description="The goal.")
    state: str | None = Field(None, description="In one word, for example running, starting or failed.")
    lag: Count | None = Field(None, description="Records of the raw topic that it has not processed.")
    records_per_second: float | None = Field(None, description="Records it processes a second.")
    batch: Count | None = Field(None, description="Last micro-batch that is in the checkpoint.")
    last_batch_time: Time | None = Field(None, description="When it ended.")
    offsets: dict[str, Count] | None = Field(None, description="By partition: the next record to process.")
    checkpoint: str | None = Field(None, description="Where its state is.")
    state_version: Count | None = Field(None, description="The stateVersion that it runs.")
    rule: RunningRule | None = Field(None, description="The rule that its state is of.")
    restarts: Count | None = Field(None, description="How often its container was restarted.")
    last_error: Annotated[str, Field(max_length=32768)] | None = Field(None, description="Why it last failed.")


class SinkStatus(StatusModel):
    """The way of the records into Elasticsearch."""

    connector: str | None = Field(None, description="State of the connector, in Kafka Connect's words.")
    tasks: str | None = Field(None, description="Running tasks of all, for example 2/2.")
    indexed: Count | None = Field(None, description="Records in the index.")
    dead_letters: Count | None = Field(None, description="Records that Elasticsearch refused.")


class LakeStatus(StatusModel):
    """The history: what its writer reports of the tables."""

    lag: Count | None = Field(None, description="Records of the raw topic that it does not hold.")
    files: Count | None = Field(None, description="Files of all tables.")
    bytes: Count | None = Field(None, description="Size of these files.")
    last_commit_time: Time | None = Field(None, description="When records were last written.")


class ReportStatus(StatusModel):
    """A scheduled report."""

    name: str = Field(description="The report.")
    state: str | None = Field(None, description="In one word: waiting, running, written or failed.")
    last_due_time: Time | None = Field(None, description="When a page was last due.")
    last_written_time: Time | None = Field(None, description="When a page was last written.")


class Names(StatusModel):
    """What the pipeline is called where others are too; it stays so while the pipeline runs."""

    kafka: str | None = Field(None, description="On an external Kafka, where pipelineName is absent.")
    elasticsearch: str | None = Field(None, description="Its index on an external Elasticsearch that names none.")


class Status(StatusModel):
    """What the operator has seen."""

    observed_generation: Count | None = Field(
        None, description="Generation of the spec that all of this speaks of; written last."
    )
    conditions: list[Condition] = Field(
        default_factory=list, description="Aspects of the pipeline.", json_schema_extra=map_by("type")
    )
    goals: list[GoalStatus] = Field(default_factory=list, description="Each goal.", json_schema_extra=map_by("name"))
    goals_ready: str | None = Field(None, description="Goals that make progress of all, for example 4/4.")
    lag: Count | None = Field(None, description="The largest lag of a goal, in records.")
    rate: str | None = Field(None, description="Records a second on the raw topic, for example 200/s.")
    records: Count | None = Field(None, description="Records that were ever written to the raw topic.")
    sink: SinkStatus | None = Field(None, description="The way into Elasticsearch; absent without a sink.")
    lake: LakeStatus | None = Field(None, description="The history; absent without a lake.")
    reports: list[ReportStatus] | None = Field(
        None, description="Each scheduled report.", json_schema_extra=map_by("name")
    )
    names: Names | None = Field(None, description="Names outside the namespace that the resource does not give.")

    def document(self) -> dict[str, Any]:
        """Return the status as Kubernetes takes it: what is unknown is left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)
