"""What is known of a pipeline at one moment, as plain data. None is unknown and never means 0."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from logpipeline.progress import GoalProgress, TableProgress


class FaultKind(StrEnum):
    """What keeps a peer from answering as it should; each is also the reason of a condition."""

    UNREACHABLE = "Unreachable"
    AUTHENTICATION_FAILED = "AuthenticationFailed"
    NOT_AUTHORIZED = "NotAuthorized"
    CERTIFICATE_REFUSED = "CertificateRefused"
    SECRET_MISSING = "SecretMissing"  # noqa: S105 (a reason, no secret)
    SECRET_INVALID = "SecretInvalid"  # noqa: S105
    REFUSED = "Refused"


@dataclass(frozen=True)
class Fault:
    """Why a peer does not do what is asked of it. The message names Secrets and their keys, never a value."""

    kind: FaultKind
    message: str


@dataclass(frozen=True)
class WorkloadFacts:
    """A StatefulSet or Deployment and its pods. `waiting` is what keeps a pod from starting, as Kubernetes calls it
    (ImagePullBackOff, Unschedulable, OOMKilled …), and `message` its words; None while all takes its course.
    `executor_fault` is the same of a goal's executors. `missing_since` is since when there have been fewer pods than
    wanted.
    """

    name: str
    component: str
    goal: str | None = None
    desired: int | None = None
    ready: int | None = None
    updated: int | None = None
    pods: int = 0
    waiting: str | None = None
    message: str | None = None
    unready_since: datetime | None = None
    missing_since: datetime | None = None
    restarts: int = 0
    last_exit: str | None = None
    executor_fault: str | None = None
    observed: bool = True  # whether its controller has seen the newest change

    @property
    def is_ready(self) -> bool:
        """Whether all wanted pods are ready."""
        return self.observed and self.desired is not None and self.ready == self.desired

    @property
    def is_settled(self) -> bool:
        """Whether it is ready, every pod is of the newest revision and none is left over."""
        return self.is_ready and self.updated == self.desired and self.pods == self.desired


@dataclass(frozen=True)
class KafkaFacts:
    """The brokers and what was ever written to the topics. `under_replicated` counts partitions of which a replica is
    not in sync, `offline` those without a leader; of a Kafka that is not ours only our topics count. `sink_lag` is how
    many records of the raw topic the sink has not committed.
    """

    fault: Fault | None = None
    observed_at: datetime | None = None
    brokers: int | None = None
    under_replicated: int | None = None
    offline: int | None = None
    records: int | None = None
    invalid: int | None = None
    dead_letters: int | None = None
    sink_lag: int | None = None

    @property
    def reachable(self) -> bool:
        """Whether the brokers have answered."""
        return self.fault is None and self.brokers is not None

    @property
    def in_sync(self) -> bool | None:
        """Whether every replica of every partition is in sync; None when unknown."""
        if not self.reachable or self.under_replicated is None:
            return None
        return self.under_replicated == 0 and not self.offline


@dataclass(frozen=True)
class TopicsFacts:
    """Whether the topics are as the resource says; `ready` None is unknown. `timestamp_type` is the raw topic's
    message.timestamp.type, None as long as it is unknown.
    """

    ready: bool | None = None
    fault: Fault | None = None
    timestamp_type: str | None = None


@dataclass(frozen=True)
class GoalFacts:
    """A goal in its own words, and what can only be known over time. `rate` is in records a second, `catches_up`
    whether its lag shrinks or is gone, `still_seconds` for how long it has had something to read and has read nothing.
    """

    name: str
    fault: Fault | None = None
    progress: GoalProgress | None = None
    lag: int | None = None
    catches_up: bool | None = None
    still_seconds: float | None = None
    rate: float | None = None


@dataclass(frozen=True)
class LakeFacts:
    """The lake in its writer's own words, a table each. `lag` is how many records of the raw topic it lacks,
    `catches_up` whether that shrinks or is gone.
    """

    fault: Fault | None = None
    tables: Mapping[str, TableProgress] = field(default_factory=dict)
    lag: int | None = None
    catches_up: bool | None = None


@dataclass(frozen=True)
class ReportFacts:
    """A scheduled report in the words of its CronJob: when it was last due, when a page was last written, and whether
    one is being written.
    """

    last_due: datetime | None = None
    last_written: datetime | None = None
    running: bool = False


@dataclass(frozen=True)
class ConnectorFacts:
    """The sink connector. `task_fault` is the cause of the first task that failed, `restarts` how often we restarted
    failed tasks.
    """

    fault: Fault | None = None
    name: str = ""
    state: str | None = None
    running: int | None = None
    tasks: int | None = None
    task_fault: str | None = None
    restarts: int = 0


@dataclass(frozen=True)
class IndexFacts:
    """The index of the raw records. `ready`: template and index are as they should be; None is unknown."""

    fault: Fault | None = None
    ready: bool | None = None
    indexed: int | None = None
    kibana_fault: Fault | None = None


@dataclass(frozen=True)
class FlowFacts:
    """What only several observations tell, of the last minutes. `rate` is in records a second written to the raw topic,
    `idle_seconds` for how long none came; the shares, 0 to 1, are of the records that came.
    """

    rate: float | None = None
    idle_seconds: float | None = None
    invalid_share: float | None = None
    dead_letter_share: float | None = None
    sink_catches_up: bool | None = None


@dataclass(frozen=True)
class Facts:
    """A pipeline at one moment. `looked` is False as long as this operator has not looked at its data path at all.
    `removed_connectors` are those that were not the pipeline's and that this look removed from its workers.
    """

    observed_at: datetime
    looked: bool = False
    workloads: tuple[WorkloadFacts, ...] = ()
    kafka: KafkaFacts = field(default_factory=KafkaFacts)
    topics: TopicsFacts = field(default_factory=TopicsFacts)
    goals: Mapping[str, GoalFacts] = field(default_factory=dict)
    lake: LakeFacts | None = None
    reports: Mapping[str, ReportFacts] = field(default_factory=dict)
    connector: ConnectorFacts | None = None
    removed_connectors: tuple[str, ...] = ()
    index: IndexFacts | None = None
    flow: FlowFacts = field(default_factory=FlowFacts)

    def workload(self, component: str, goal: str | None = None) -> WorkloadFacts | None:
        """Return the workload of a component, None for one that is not there."""
        return next((item for item in self.workloads if (item.component, item.goal) == (component, goal)), None)

    @property
    def drained(self) -> bool | None:
        """Whether goals, lake and sink have processed all that is on the raw topic; None when unknown."""
        lags = [goal.lag for goal in self.goals.values()]
        if self.lake is not None:
            lags.append(self.lake.lag)
        if self.connector is not None:
            lags.append(self.kafka.sink_lag)
        return None if None in lags else not any(lags)
