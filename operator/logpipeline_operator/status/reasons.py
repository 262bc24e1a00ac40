"""Every reason that a condition can have, in order of severity, with what a person can do about it.

Where several things are wrong at once, the condition shows the one that stands first here, for what stands below it is
mostly its consequence. `docs/conditions.md` is generated from this table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["fault", "passing", "good"]
Status = Literal["True", "False", "Unknown"]


@dataclass(frozen=True)
class Reason:
    """A reason. A `fault` stays until somebody does something, what is `passing` ends by itself, `good` is as it should
    be.
    """

    name: str
    conditions: tuple[str, ...]
    kind: Kind
    meaning: str
    remedy: str = ""


@dataclass(frozen=True)
class Finding:
    """What a condition says: its status, a reason out of `REASONS` and words that change only when the matter does."""

    status: Status
    reason: str
    message: str


READY, PROGRESSING, KAFKA, TOPICS, GOALS, SINK, LAKE, FLOW = CONDITION_TYPES = (
    "Ready", "Progressing", "KafkaReady", "TopicsReady", "GoalsReady", "SinkReady", "LakeReady", "FlowHealthy",
)  # fmt: skip
PARTS = (KAFKA, TOPICS, GOALS, SINK, LAKE)
_PODS = (KAFKA, GOALS, SINK, LAKE, PROGRESSING)
_PEERS = (KAFKA, TOPICS, SINK)


def _fault(name: str, conditions: tuple[str, ...], meaning: str, remedy: str) -> Reason:
    return Reason(name, conditions, "fault", meaning, remedy)


REASONS: tuple[Reason, ...] = (
    Reason(
        "Suspended", CONDITION_TYPES, "passing",
        "spec.suspend is true: everything but the data stands still.",
        "Set spec.suspend to false; everything goes on where it was.",
    ),
    _fault(
        "ResourceInvalid", (READY, PROGRESSING),
        "The resource does not hold together, so nothing is changed; what runs goes on.",
        "Correct the fields that the message names and apply the resource again.",
    ),
    _fault(
        "NameTaken", (READY, PROGRESSING),
        "An object has the name of one of the pipeline's and belongs to somebody else. It is neither written nor "
        "deleted, and pods that would use it do not start.",
        "Delete or rename the object that the message names, or give the pipeline, or the goal, another name.",
    ),
    _fault(
        "NameShared", (READY, PROGRESSING),
        "Another pipeline is called the same on the same external Kafka. Their Connect workers and alert bridges work "
        "as one group, each with the other's Secrets, and their results mix.",
        "Give one of them another spec.kafka.external.pipelineName; docs/UPGRADE.md says what moves with it.",
    ),
    _fault(
        "SecretMissing", _PEERS,
        "A Secret that the resource names is not in its namespace.",
        "Create the Secret, or correct the secretRef; the pipeline goes on within a minute.",
    ),
    _fault(
        "SecretInvalid", _PEERS,
        "A Secret lacks a key, or what stands there cannot be used.",
        "Correct the key that the message names: username and password, apiKey, or PEM text for certificates and keys.",
    ),
    _fault(
        "AuthenticationFailed", _PEERS,
        "The service does not accept the credentials in the Secret.",
        "Put valid credentials into the Secret that the message names, or correct the mechanism in the resource.",
    ),
    _fault(
        "NotAuthorized", _PEERS,
        "The service knows the credentials and does not allow what the pipeline needs.",
        "Give the user in the Secret the rights: for Kafka create, describe, alter, read and write on the pipeline's "
        "topics and describe and read on its groups; for Elasticsearch manage, write and read on its indices.",
    ),
    _fault(
        "CertificateRefused", _PEERS,
        "TLS fails: the service's certificate cannot be verified, or it refuses ours.",
        "Put the CA that signed the service's certificate into ca.crt of the Secret, and for mutual TLS tls.crt and "
        "tls.key that the service trusts; check that the host name stands in the certificate.",
    ),
    _fault(
        "ApplyFailed", (PROGRESSING,),
        "The API server refuses an object of the pipeline: a quota, an admission rule or missing rights.",
        "Do what the message says; the operator tries again by itself.",
    ),
    _fault(
        "ImageUnavailable", _PODS,
        "A node cannot pull the image.",
        "Correct the image's name, or name its registry's Secret in pod.imagePullSecrets.",
    ),
    _fault(
        "Unschedulable", _PODS,
        "No node takes a pod: not enough room, a selector or taint, or a volume that cannot be bound.",
        "Add nodes, lower resources, correct nodeSelector and tolerations, or name a StorageClass that exists.",
    ),
    _fault(
        "PodRefused", _PODS,
        "A pod cannot be created or its container cannot be set up, or the node has put it out.",
        "Do what the message says; look at kubectl describe of the pod, or of its StatefulSet or Deployment.",
    ),
    _fault(
        "OutOfMemory", _PODS,
        "A container needed more memory than its limit and was killed.",
        "Raise resources.limits.memory of the component.",
    ),
    _fault(
        "CrashLoop", _PODS,
        "A container ends again and again.",
        "Look at kubectl logs --previous of the pod that the message names; undo the last change if there was one.",
    ),
    _fault(
        "NotReady", _PODS,
        "A pod has not been ready, or has not been created, for more than five minutes.",
        "Look at kubectl logs and kubectl describe of the pod, or kubectl describe of its StatefulSet or Deployment.",
    ),
    _fault(
        "PartitionsOffline", (KAFKA,),
        "Partitions have no leader: nobody can write to them or read them.",
        "Bring the broker back that holds them; look at the brokers' logs and volumes.",
    ),
    _fault(
        "Unreachable", (*_PEERS, GOALS, LAKE),
        "A service does not answer at its address.",
        "Check the address in the resource, DNS, NetworkPolicies and whether the service runs.",
    ),
    _fault(
        "Refused", (TOPICS, SINK),
        "The service refuses for good what the resource asks for.",
        "Do what the message says; it names the field.",
    ),
    _fault(
        "KafkaDown", (FLOW,),
        "Kafka does not serve the pipeline, so no record flows.",
        "See KafkaReady.",
    ),
    _fault(
        "GoalFailed", (GOALS, FLOW),
        "A goal has stopped with an error and is started again with growing pauses.",
        "Read lastError of the goal in the status and the logs of its pod. State that does not fit any more needs a "
        "raised stateVersion.",
    ),
    _fault(
        "GoalStalled", (GOALS, FLOW),
        "A goal runs and there is something to read, but it has made no progress for 90 seconds.",
        "Kubernetes restarts the container by itself. If it comes again, look at the goal's logs and give it more CPU "
        "or memory; with executors, check that their pods run.",
    ),
    _fault(
        "LakeFailed", (LAKE, FLOW),
        "A table of the lake cannot be written; its records wait on the topics for as long as their retention. The "
        "writer tries again with growing pauses.",
        "Do what the message says: check lake.uri, the Secret of lake.secretRef and the free space of the store.",
    ),
    _fault(
        "ConnectorFailed", (SINK, FLOW),
        "The sink connector has failed as a whole.",
        "Read the cause in the message; the operator restarts it with growing pauses.",
    ),
    _fault(
        "ConnectorTaskFailed", (SINK, FLOW),
        "A task of the sink connector has failed.",
        "Read the cause in the message; the operator restarts failed tasks with growing pauses, and no record is lost.",
    ),
    _fault(
        "SinkDown", (FLOW,),
        "Records do not reach Elasticsearch; they wait on the raw topic for as long as its retention.",
        "See SinkReady.",
    ),
    _fault(
        "GoalsLagging", (FLOW,),
        "A goal is more than a minute behind and does not catch up.",
        "Give the goals more CPU (spark.resources), more partitions and spark.executors, or a longer window slide.",
    ),
    _fault(
        "SinkBehind", (FLOW,),
        "More than a minute of records waits for Elasticsearch, and it does not get less.",
        "Raise sink.connect.tasksMax and replicas, up to the number of partitions, or give Elasticsearch more CPU.",
    ),
    _fault(
        "LakeBehind", (FLOW,),
        "More than ten minutes of records wait for the lake, and it does not get less.",
        "Give the writer more CPU (lake.resources), or raise lake.trigger so that it commits less often.",
    ),
    _fault(
        "DeadLetters", (FLOW,),
        "More than 1 % of the records of the last minutes were refused by Elasticsearch, though they are valid.",
        "logpipeline consume the dead letter topic: its headers tell why; mostly a mapping that does not fit.",
    ),
    _fault(
        "InvalidRecords", (FLOW,),
        "More than 5 % of the records of the last minutes are no valid records.",
        "logpipeline consume the invalid topic: each tells why; mostly source.format, timestamp or fields do not fit.",
    ),
    _fault(
        "NoRecords", (FLOW,),
        "No record has come for five minutes.",
        "Check that somebody writes to the raw topic of that name; a source that is quiet at times is no fault.",
    ),
    _fault(
        "ChangeRefused", (PROGRESSING,),
        "A change would spoil the counts of a running goal; the goal runs on as it was.",
        "Take a way out that the message names: undo the change, raise the goal's stateVersion, or give it a new name.",
    ),
    _fault(
        "GoalPointless", (PROGRESSING,),
        "A goal runs as it is written and cannot find what it is meant to: it names a column that the source's format "
        "does not carry, or groups by a field whose name a result needs itself.",
        "Correct the field that the message names. logpipeline validate refuses such a resource before it is applied.",
    ),
    _fault(
        "FieldsIgnored", (PROGRESSING,),
        "The resource has fields that this version of the operator does not know, as after a rollback. They are "
        "ignored; all else is as the resource says.",
        "Upgrade the operator, or take the fields that the message names out of the resource.",
    ),
    Reason(
        "ReplicasOutOfSync", (KAFKA,), "passing",
        "A replica of a partition is not in sync, so the loss of another broker could stop writers.",
        "Wait: a broker that returns catches up. If it lasts, look at the brokers' disk and network.",
    ),
    Reason("Draining", (READY, PROGRESSING), "passing", "The pipeline stops: what is on its way is processed."),
    Reason("Creating", (READY, PROGRESSING, *PARTS, FLOW), "passing", "Objects or pods are being created."),
    Reason("Starting", (READY, PROGRESSING, *PARTS, FLOW), "passing", "Pods run and are not ready yet."),
    Reason("RollingOut", (PROGRESSING,), "passing", "Pods are replaced by newer ones, one after the other."),
    Reason("WaitingForKafka", (TOPICS,), "passing", "Topics are compared as soon as Kafka is ready."),
    Reason("Unknown", CONDITION_TYPES, "passing", "Nobody has answered yet."),
    Reason("Disabled", (SINK, LAKE), "good", "The resource has no such part."),
    Reason("Complete", (PROGRESSING,), "good", "Everything is as the resource says."),
    Reason("Ready", (READY, *PARTS), "good", "All that belongs to it is ready."),
    Reason("Healthy", (FLOW,), "good", "Records flow through every part."),
)  # fmt: skip

_BY_NAME = {reason.name: reason for reason in REASONS}
_RANK = {reason.name: rank for rank, reason in enumerate(REASONS)}


def condition_of(status: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    """Return a condition of a status, an empty one when it is not there."""
    return next((item for item in status.get("conditions") or [] if item["type"] == kind), {})


def as_before(finding: Finding, status: Mapping[str, Any], kind: str) -> Finding:
    """Return `finding`, or what the status so far says of the condition when nobody has been asked yet: an operator
    that has just started knows nothing, and nothing has changed by that.
    """
    before = condition_of(status, kind)
    if finding.reason != "Unknown" or not before:
        return finding
    return Finding(before["status"], before["reason"], before["message"])


def reason_of(name: str) -> Reason:
    """Return the row of a reason; raises KeyError."""
    return _BY_NAME[name]


def worst(findings: Iterable[Finding]) -> Finding:
    """Return the most severe of `findings`, the first among equals; raises ValueError when there is none."""
    return min(findings, key=lambda finding: _RANK[finding.reason])
