"""The LogPipeline resource as a whole."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from logpipeline.api import spark_conf
from logpipeline.api.alerting import Alerting
from logpipeline.api.base import (
    Duration,
    Matching,
    Model,
    Name,
    Quantity,
    SecretReference,
    Settings,
    map_by,
    part,
    written,
)
from logpipeline.api.cel import CelRule, fixed
from logpipeline.api.console import Console
from logpipeline.api.goal import Goal
from logpipeline.api.kafka import Kafka, Storage
from logpipeline.api.lake import Lake
from logpipeline.api.network import NetworkPolicies
from logpipeline.api.pods import Resources, Workload
from logpipeline.api.reports import ScheduledReport
from logpipeline.api.sink import Sink
from logpipeline.api.source import Source, Topic

GROUP = "logpipeline.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
KIND = "LogPipeline"


class CheckpointStorage(Storage):
    """The volume of one goal."""

    size: Quantity = Field("1Gi", description="Size of the volume; grows only.")


_OWN_DISK = (
    "uri: a pod's own disk goes with the pod; leave uri out for a volume, or name a store such as s3a://bucket/folder"
)

_NO_STORE = "secretRef: its keys are of s3a; give uri: s3a://bucket/folder, or leave secretRef out"


class Checkpoint(Model):
    """Where a goal keeps its state: a volume of its own, or a folder that every pod can reach."""

    storage: CheckpointStorage = part(CheckpointStorage, "Volume of each goal.")
    uri: (
        Annotated[
            str,
            Field(max_length=500),
            Matching(
                "checkpoint-uri",
                r"^[a-z][a-z0-9+.-]*://[^\s]+$",
                "is not a Hadoop URI; write for example s3a://bucket/checkpoints, or leave uri out for a volume",
            ),
        ]
        | None
    ) = Field(None, description="Hadoop URI of a folder, for example s3a://bucket/checkpoints; set: no volumes.")
    secret_ref: SecretReference | None = Field(
        None,
        description="Secret of the store that uri names, with the keys of lake.secretRef; absent: the identity of the "
        "pod.",
    )

    cel: ClassVar = (
        CelRule("checkpoint-shared", "!has(self.uri) || !self.uri.startsWith('file:')", _OWN_DISK, field="uri"),
        fixed(
            "checkpoint-stays",
            "uri",
            "the goals' state would stay behind; take the change back, or create another pipeline",
        ),
        CelRule(
            "checkpoint-secret",
            "!has(self.secretRef) || has(self.uri) && self.uri.startsWith('s3a:')",
            _NO_STORE,
            field="secretRef",
        ),
    )

    @model_validator(mode="after")
    def _outlives_the_pod(self) -> Checkpoint:
        if self.uri is not None and self.uri.startswith("file:"):
            raise ValueError(_OWN_DISK)
        if self.secret_ref is not None and not (self.uri or "").startswith("s3a:"):
            raise ValueError(_NO_STORE)
        return self


class Spark(Workload):
    """How the goals' Spark applications run, each in a pod of its own on a cluster."""

    trigger: Duration = Field(written("1s"), description="Time between the starts of two micro-batches.")
    max_records_per_batch: Annotated[int, Field(ge=1000, le=1_000_000_000)] = Field(
        1_000_000, description="Most records of one micro-batch; bounds memory while a backlog is read."
    )
    shards: Annotated[int, Field(ge=1, le=1024)] = Field(
        2, description="Parts of a goal's state that are worked on in parallel; fixed for the life of its checkpoint."
    )
    executors: Annotated[int, Field(ge=0, le=1000)] = Field(
        0,
        description="Executor pods of each goal on a cluster; 0: all work is done by the driver's pod. They write the "
        "goal's state: with a volume that one node mounts they run on the driver's node, with checkpoint.uri anywhere.",
    )
    executor_resources: Resources | None = Field(None, description="Of an executor; absent: the proven default.")
    conf: Settings = Field(
        default_factory=dict, description="Spark configuration to add; what keeps a goal's results right is refused."
    )
    checkpoint: Checkpoint = part(Checkpoint, "Where the goals keep their state.")

    cel: ClassVar = (spark_conf.RULE,)

    @model_validator(mode="after")
    def _conf_leaves_goals_right(self) -> Spark:
        if faults := spark_conf.faults(self.conf):
            raise ValueError(f"conf: {'; '.join(faults)}")
        return self


_NO_LAKE = "reports: are made of the lake, and there is none; give lake: {}, or leave reports out"


class Spec(Model):
    """What the user wants."""

    suspend: bool = Field(False, description="Stop everything but the data.")
    delete_policy: Literal["Retain", "Delete"] = Field(
        "Retain", description="What happens to the volumes of a pipeline, or of a goal, that is deleted."
    )
    source: Source = part(Source, "The raw records.")
    kafka: Kafka = Field(description="The Kafka that carries the pipeline.")
    goals: Annotated[list[Goal], Field(min_length=1, max_length=100)] = Field(
        description="The rules.", json_schema_extra=map_by("name")
    )
    spark: Spark = part(Spark, "How the goals run.")
    sink: Sink | None = Field(None, description="Search over the raw records; absent: none.")
    alerting: Alerting | None = Field(None, description="Alerts of the goals that have `having`; absent: none.")
    lake: Lake | None = Field(None, description="The history as tables for SQL and reports; absent: none is kept.")
    reports: Annotated[list[ScheduledReport], Field(max_length=20)] = Field(
        default_factory=list,
        description="Pages about the lake, written on a schedule.",
        json_schema_extra=map_by("name"),
    )
    console: Console | None = Field(None, description="A page that shows the pipeline; absent: none on a cluster.")
    # No default in the CRD: an older operator would find a field in every resource that it does not know.
    network_policy: NetworkPolicies = Field(
        default_factory=NetworkPolicies,
        description="Who may reach the pods, on a cluster. Absent: a NetworkPolicy for each component, with the "
        "defaults below.",
    )

    cel: ClassVar = (
        CelRule(
            "replicas-within-brokers",
            "!has(self.kafka.managed) || ("
            "[self.source.topic.?replicas.orValue(1), self.source.invalidTopic.?replicas.orValue(1)]"
            " + self.goals.map(goal, goal.topic.?replicas.orValue(1))"
            " + (has(self.sink) ? [self.sink.deadLetterTopic.?replicas.orValue(1)] : [])"
            ").all(replicas, replicas <= self.kafka.managed.replicas)",
            "a topic has more replicas than kafka.managed has brokers; leave its replicas out, or write "
            "kafka.managed.replicas: 3",
        ),
        CelRule("reports-lake", "!has(self.reports) || self.reports.size() == 0 || has(self.lake)", _NO_LAKE),
    )

    @model_validator(mode="after")
    def _reports_have_a_lake(self) -> Spec:
        if self.reports and self.lake is None:
            raise ValueError(_NO_LAKE)
        return self

    @model_validator(mode="after")
    def _replicas_fit(self) -> Spec:
        topics = [self.source.topic, self.source.invalid_topic, *(goal.topic for goal in self.goals)]
        topics += [self.sink.dead_letter_topic] if self.sink else []
        managed = self.kafka.managed
        if managed is not None and any((topic.replicas or 1) > managed.replicas for topic in topics):
            raise ValueError(
                "a topic has more replicas than kafka.managed has brokers; leave its replicas out, or write "
                "kafka.managed.replicas: 3"
            )
        return self

    @model_validator(mode="after")
    def _names_are_unique(self) -> Spec:
        for kind, items in (("goal", self.goals), ("report", self.reports)):
            names = [item.name for item in items]
            for name in names:
                if names.count(name) > 1:
                    raise ValueError(f"{kind}s: the name {name!r} is given twice; every {kind} needs its own")
        return self


# The rest of ObjectMeta, https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/object-meta/.
_NOT_READ = {
    "generateName", "finalizers", "ownerReferences", "managedFields", "resourceVersion", "selfLink",
    "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds",
}  # fmt: skip


class Metadata(Model):
    """The part of Kubernetes' object metadata that we read; the rest is Kubernetes' own."""

    name: Name
    namespace: str = "default"
    generation: int = 0
    uid: str = ""
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _what_we_read(cls, value: Any) -> Any:
        return (
            {key: given for key, given in value.items() if key not in _NOT_READ} if isinstance(value, dict) else value
        )


_CONNECT_STORES = ("config", "offset", "status")
# Written with `.?`, its length counts as endless, and the rule below as too dear.
_NAME = (
    "(has(self.spec.kafka.external) && has(self.spec.kafka.external.pipelineName) ? "
    "self.spec.kafka.external.pipelineName : self.metadata.name)"
)
_CONNECT_TOPICS = ", ".join(f"{_NAME} + '.connect-{store}'" for store in _CONNECT_STORES)
# A list of one list, for the language cannot name a value but as the item of a list.
_TOPICS = (
    f"[self.spec.goals.map(goal, goal.topic.?name.orValue({_NAME} + '.' + goal.name)) + ["
    f"self.spec.source.topic.?name.orValue({_NAME} + '.raw'), "
    f"self.spec.source.invalidTopic.?name.orValue({_NAME} + '.invalid')] + "
    f"(has(self.spec.sink) ? [self.spec.sink.deadLetterTopic.?name.orValue({_NAME} + '.sink-dead-letters'), "
    f"{_CONNECT_TOPICS}] : []) + "
    f"(has(self.spec.alerting) ? [self.spec.alerting.?topic.orValue({_NAME} + '.alerts')] : [])]"
)


class LogPipeline(Model):
    """One custom resource from access log to alert."""

    api_version: Literal["logpipeline.dev/v1alpha1"]
    kind: Literal["LogPipeline"]
    metadata: Metadata
    spec: Spec
    status: dict[str, Any] | None = Field(None, description="Written by the operator, never read from a file.")

    cel: ClassVar = (
        CelRule(
            "pipeline-name",
            "self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",
            "metadata.name is not a DNS label; use small letters, digits and hyphens, the first and last no hyphen",
        ),
        CelRule(
            "topics-differ",
            f"{_TOPICS}.all(topics, topics.all(topic, topics.exists_one(other, other == topic)))",
            "two topics have the same name; give one of them another name",
        ),
    )

    @model_validator(mode="after")
    def _topics_differ(self) -> LogPipeline:
        seen = {name: f"Kafka Connect's {store}s" for store, name in self.connect_topics().items()}
        for use, topic in self.topics().items():
            if topic.name in seen:
                raise ValueError(
                    f"topic {topic.name} has two uses, {seen[topic.name]} and {use}; give one of them another name"
                )
            seen[topic.name or ""] = use
        return self

    @property
    def name(self) -> str:
        """The pipeline's name."""
        return self.metadata.name

    @property
    def name_on_kafka(self) -> str:
        """What topics, groups and the connector are called after, unless they have names of their own."""
        external = self.spec.kafka.external
        return (external.pipeline_name if external else None) or self.name

    def connect_topics(self) -> dict[str, str]:
        """Return the topics that the Connect workers keep for themselves by what is in them, `config`, `offset` and
        `status`; empty without a sink.
        """
        stores = _CONNECT_STORES if self.spec.sink is not None else ()
        return {store: f"{self.name_on_kafka}.connect-{store}" for store in stores}

    def topics(self) -> dict[str, Topic]:
        """Return every topic of the pipeline with its name and replicas filled in, by what it is for. A Kafka of fewer
        brokers than replicas has as many as brokers.

        Keys: `raw`, `invalid`, `sink-dead-letters` (with a sink), `alerts` (with alerting), `goal <name>` of each.
        """
        source, sink, name = self.spec.source, self.spec.sink, self.name_on_kafka
        topics: dict[str, tuple[Topic, str]] = {
            "raw": (source.topic, f"{name}.raw"),
            "invalid": (source.invalid_topic, f"{name}.invalid"),
        }
        if sink is not None:
            topics["sink-dead-letters"] = (sink.dead_letter_topic, f"{name}.sink-dead-letters")
        if self.spec.alerting is not None:
            topics["alerts"] = (Topic(name=self.spec.alerting.topic), f"{name}.alerts")
        for goal in self.spec.goals:
            topics[f"goal {goal.name}"] = (goal.topic, f"{name}.{goal.name}")
        return {
            use: topic.model_copy(update={"name": topic.name or default, "replicas": topic.replicas or 3})
            for use, (topic, default) in topics.items()
        }

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
