"""Which peers of a pipeline to ask, and what: those that can answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from logpipeline.api import LogPipeline
from logpipeline.kafka.connect import connector_config, connector_name
from logpipeline_operator.desired.secrets import ELASTICSEARCH_SECRET
from logpipeline_operator.observe.connect import ConnectorMemory, observe_connector
from logpipeline_operator.observe.credentials import (
    SecretValues,
    connect_headers,
    elasticsearch_secret,
    elasticsearch_secret_name,
)
from logpipeline_operator.observe.elasticsearch import IndexMemory, observe_index
from logpipeline_operator.observe.endpoints import Endpoints
from logpipeline_operator.observe.facts import (
    ConnectorFacts,
    Fault,
    FaultKind,
    GoalFacts,
    IndexFacts,
    KafkaFacts,
    LakeFacts,
    TopicsFacts,
    WorkloadFacts,
)
from logpipeline_operator.observe.faults import PeerError
from logpipeline_operator.observe.goals import observe_goal
from logpipeline_operator.observe.kafka import TopicsMemory, observe_kafka
from logpipeline_operator.observe.kibana import KibanaMemory, ensure_saved_objects
from logpipeline_operator.observe.lake import observe_lake
from logpipeline_operator.observe.peers import Question

KAFKA, LAKE, CONNECTOR, INDEX, KIBANA = "Kafka", "lake", "Kafka Connect", "Elasticsearch", "Kibana"


@dataclass
class Memories:
    """What the shells remember of one pipeline."""

    topics: TopicsMemory = field(default_factory=TopicsMemory)
    connector: ConnectorMemory = field(default_factory=ConnectorMemory)
    index: IndexMemory = field(default_factory=IndexMemory)
    kibana: KibanaMemory = field(default_factory=KibanaMemory)


@dataclass(frozen=True)
class KibanaFacts:
    """Whether the saved objects are there: `fault` is why they are not."""

    fault: Fault | None


def goal_peer(name: str) -> str:
    """Return the name under which a goal is asked."""
    return f"goal {name}"


@dataclass(frozen=True)
class Look:
    """All that decides what is asked of one pipeline now; `now` is in seconds of a steady clock."""

    pipeline: LogPipeline
    endpoints: Endpoints
    secrets: SecretValues
    workloads: Sequence[WorkloadFacts]
    memories: Memories
    now: float

    def questions(self) -> dict[str, Question]:
        """Return what to ask, by the peer's name. Of a workload nobody is asked before one of its pods can answer."""
        asked: dict[str, Question] = {}
        if self.endpoints.brokers is None or self._serves("kafka"):
            asked[KAFKA] = self._kafka()
        for name, url in self.endpoints.goals.items():
            workload = self._workload("goal", name)
            # A goal that has failed is not ready, and has the most to tell.
            if workload is not None and workload.desired and workload.pods:
                asked[goal_peer(name)] = self._goal(name, url)
        workload = self._workload("lake")
        if self.endpoints.lake is not None and workload is not None and workload.desired and workload.pods:
            asked[LAKE] = self._lake(self.endpoints.lake)
        if self.pipeline.spec.sink is None or self.endpoints.elasticsearch is None:
            return asked
        managed = self.pipeline.spec.sink.elasticsearch.managed
        if managed is None or self._serves("elasticsearch"):
            asked[INDEX] = self._index(self.endpoints.elasticsearch)
            if self.endpoints.kibana is not None and self._serves("kibana"):
                asked[KIBANA] = self._kibana(self.endpoints.kibana)
        # Connect would make the topics itself, and not as the resource says.
        if self.endpoints.connect is not None and self._serves("connect") and self.memories.topics.facts.ready:
            config = self._connector_config(self.endpoints.elasticsearch)
            if config is not None:
                asked[CONNECTOR] = self._connector(self.endpoints.connect, config)
        return asked

    def _workload(self, component: str, goal: str | None = None) -> WorkloadFacts | None:
        return next((item for item in self.workloads if (item.component, item.goal) == (component, goal)), None)

    def _serves(self, component: str) -> bool:
        workload = self._workload(component)
        return workload is not None and bool(workload.ready)

    def _about(self, component: str, goal: str | None = None) -> object:
        """Return what the answer of a component depends on; of the Secrets no value is kept."""
        workload = self._workload(component, goal)
        state = None if workload is None else (workload.ready, workload.updated)
        secrets = hash(tuple((name, *sorted(values.items())) for name, values in sorted(self.secrets.items())))
        return self.pipeline.metadata.generation, secrets, state

    def _kafka(self) -> Question:
        def fault(answer: tuple[KafkaFacts, TopicsFacts]) -> Fault | None:
            return answer[0].fault

        return Question(
            ask=lambda: observe_kafka(self.pipeline, self.endpoints, self.secrets, self.memories.topics, self.now),
            late=(KafkaFacts(fault=_late(f"Kafka at {self.endpoints.bootstrap_servers}")), TopicsFacts()),
            unknown=(KafkaFacts(), TopicsFacts()),
            fault=fault,
            about=self._about("kafka"),
        )

    def _goal(self, name: str, url: str) -> Question:
        return Question(
            ask=lambda: observe_goal(name, url),
            late=GoalFacts(name, fault=_late(f"{name} at {url}")),
            unknown=GoalFacts(name),
            fault=lambda answer: answer.fault,
            about=self._about("goal", name),
        )

    def _lake(self, url: str) -> Question:
        return Question(
            ask=lambda: observe_lake(url),
            late=LakeFacts(_late(f"the lake's writer at {url}")),
            unknown=LakeFacts(),
            fault=lambda answer: answer.fault,
            about=self._about("lake"),
        )

    def _index(self, url: str) -> Question:
        return Question(
            ask=lambda: observe_index(self.pipeline, url, self.secrets, self.memories.index, self.now),
            late=IndexFacts(fault=_late(f"Elasticsearch at {url}")),
            unknown=IndexFacts(),
            fault=lambda answer: answer.fault,
            about=self._about("elasticsearch"),
        )

    def _kibana(self, url: str) -> Question:
        return Question(
            ask=lambda: KibanaFacts(ensure_saved_objects(self.pipeline, url, self.memories.kibana, self.now)),
            late=KibanaFacts(_late(f"Kibana at {url}")),
            unknown=KibanaFacts(None),
            fault=lambda answer: answer.fault,
            about=self._about("kibana"),
        )

    def _connector(self, url: str, config: Mapping[str, str]) -> Question:
        name = connector_name(self.pipeline)

        def ask() -> ConnectorFacts:
            try:
                headers = connect_headers(self.pipeline, self.secrets)
            except PeerError as error:
                return ConnectorFacts(name=name, fault=error.fault)
            return observe_connector(url, name, config, self.memories.connector, self.now, headers)

        return Question(
            ask=ask,
            late=ConnectorFacts(name=name, fault=_late(f"Kafka Connect at {url}")),
            unknown=ConnectorFacts(name=name),
            fault=lambda answer: answer.fault,
            about=self._about("connect"),
        )

    def _connector_config(self, url: str) -> dict[str, str] | None:
        """Return the connector's configuration, None as long as the Secret that it refers to cannot be used."""
        try:
            keys = frozenset(elasticsearch_secret(self.pipeline, self.secrets))
        except PeerError:
            return None
        return connector_config(
            self.pipeline,
            url=url,
            brokers=self.endpoints.brokers,
            secret_folder=ELASTICSEARCH_SECRET if elasticsearch_secret_name(self.pipeline) else None,
            secret_keys=keys,
        )


def _late(who: str) -> Fault:
    return Fault(FaultKind.UNREACHABLE, f"{who} does not answer in time")
