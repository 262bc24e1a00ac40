"""How each part of a pipeline is: brokers, topics, goals, sink, lake, generator, alert bridge, console. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from logpipeline.api import LogPipeline
from logpipeline.kafka.topics import TIMESTAMP_TYPE
from logpipeline.rules import alerts
from logpipeline_operator.observe.facts import ConnectorFacts, Facts, Fault, IndexFacts, KafkaFacts, WorkloadFacts
from logpipeline_operator.status.reasons import Finding, reason_of, worst

# A part that starts is given so long before it counts as broken; the slowest, Elasticsearch, needs a minute.
_START_LIMIT = timedelta(minutes=5)
_PLACEMENT_LIMIT = timedelta(seconds=30)
_CRASHES = 2
_POD_REASONS = {
    "ErrImagePull": "ImageUnavailable",
    "ImagePullBackOff": "ImageUnavailable",
    "ErrImageNeverPull": "ImageUnavailable",
    "InvalidImageName": "ImageUnavailable",
    "Unschedulable": "Unschedulable",
    "OOMKilled": "OutOfMemory",
    "CrashLoopBackOff": "CrashLoop",
}

_LAKE = "the lake's writer"
READY = Finding("True", "Ready", "")


def kafka_finding(pipeline: LogPipeline, facts: Facts) -> Finding:
    """Return whether the brokers serve the pipeline."""
    kafka = facts.kafka
    if kafka.fault is not None:
        peer = fault_finding(kafka.fault)
    elif kafka.brokers is None:
        peer = Finding("Unknown", "Unknown", "the brokers have not been asked yet")
    else:
        peer = _replicas(kafka)
    managed = pipeline.spec.kafka.managed
    if managed is None:
        return peer
    workload = facts.workload("kafka")
    pods = workload_finding(workload, "Kafka", facts.observed_at)
    if pods.status == "True" or workload is None or workload.desired == 0:
        return pods if pods.status != "True" else peer
    # The others serve on while one of several restarts.
    serves = peer.status == "True" and kafka.offline == 0 and (workload.ready or 0) >= managed.replicas - 1 > 0
    if serves and reason_of(pods.reason).kind == "passing":
        return Finding("True", "ReplicasOutOfSync", f"{workload.ready} of {managed.replicas} brokers are ready")
    return pods


def _replicas(kafka: KafkaFacts) -> Finding:
    if kafka.offline:
        return Finding("False", "PartitionsOffline", "there are partitions that no broker leads")
    if kafka.under_replicated:
        return Finding("True", "ReplicasOutOfSync", "not all replicas are in sync")
    return Finding("True", "Ready", f"{kafka.brokers} {'broker' if kafka.brokers == 1 else 'brokers'}")


def topics_finding(pipeline: LogPipeline, facts: Facts, kafka: Finding) -> Finding:
    """Return whether the topics are as the resource says, given how the brokers are."""
    if facts.topics.fault is not None:
        return fault_finding(facts.topics.fault)
    if facts.topics.ready:
        text = f"{len(pipeline.topics())} topics"
        if pipeline.spec.kafka.external is not None and facts.topics.timestamp_type is not None:
            text += f"; the raw topic has {TIMESTAMP_TYPE}={facts.topics.timestamp_type}"
            if facts.topics.timestamp_type != "LogAppendTime":
                text += ": source.maxFutureSkew measures against the clocks of the producers"
        return Finding("True", "Ready", text)
    if pipeline.spec.suspend:
        return Finding("False", "Suspended", "topics are compared when the pipeline runs")
    if kafka.reason == "Unknown":
        return kafka
    return Finding("Unknown", "WaitingForKafka", "Kafka is not ready yet")


def generator_finding(pipeline: LogPipeline, facts: Facts) -> Finding:
    """Return whether the generator, if there is to be one, runs."""
    if pipeline.spec.source.generator is None:
        return READY
    return workload_finding(facts.workload("generator"), "the generator", facts.observed_at)


def alerting_finding(pipeline: LogPipeline, facts: Facts) -> Finding:
    """Return whether the bridge that tells of detections, if there is to be one, runs."""
    if not alerts(pipeline):
        return READY
    return workload_finding(facts.workload("alert-bridge"), "the alert bridge", facts.observed_at)


def console_finding(pipeline: LogPipeline, facts: Facts) -> Finding:
    """Return whether the page that shows the pipeline, if there is to be one, is there."""
    if pipeline.spec.console is None:
        return READY
    return workload_finding(facts.workload("console"), "the console", facts.observed_at)


def lake_finding(pipeline: LogPipeline, facts: Facts) -> Finding:
    """Return whether the history is being written."""
    if pipeline.spec.lake is None:
        return Finding("True", "Disabled", "the resource has no lake")
    workload, lake = facts.workload("lake"), facts.lake
    pods = workload_finding(workload, _LAKE, facts.observed_at)
    if workload is None or workload.desired == 0:
        return pods
    tables = lake.tables.values() if lake else ()
    if failed := [table for table in tables if table.state == "failed"]:
        return Finding("False", "LakeFailed", f"table {failed[0].table}: {failed[0].error or 'no reason given'}")
    if pods.status != "True":
        return waiting(pods, next((table.error for table in tables if table.error), None))
    if lake is not None and lake.fault is not None:
        return fault_finding(lake.fault)
    if not tables:
        return Finding("Unknown", "Unknown", f"{_LAKE} has not been asked yet")
    if any(table.state != "running" for table in tables):
        return Finding("False", "Starting", f"{_LAKE} is starting")
    return Finding("True", "Ready", f"{len(tables)} tables are written")


def sink_finding(pipeline: LogPipeline, facts: Facts) -> Finding:
    """Return whether records can get into Elasticsearch and be looked at there."""
    if pipeline.spec.sink is None:
        return Finding("True", "Disabled", "the resource has no sink")
    return _of_all(_sink_findings(pipeline, facts))


def _sink_findings(pipeline: LogPipeline, facts: Facts) -> Iterator[Finding]:
    assert pipeline.spec.sink is not None
    managed = pipeline.spec.sink.elasticsearch.managed
    node = READY
    if managed is not None:
        node = workload_finding(facts.workload("elasticsearch"), "Elasticsearch", facts.observed_at)
        yield node
        if managed.kibana is not None:
            kibana = workload_finding(facts.workload("kibana"), "Kibana", facts.observed_at)
            yield kibana
            if kibana.status == "True" and facts.index is not None and facts.index.kibana_fault is not None:
                yield fault_finding(facts.index.kibana_fault)
    if node.status == "True":
        yield _index(facts.index)
    workers = workload_finding(facts.workload("connect"), "Kafka Connect", facts.observed_at)
    yield workers
    if workers.status == "True":
        yield _connector(facts.connector)


def _index(index: IndexFacts | None) -> Finding:
    if index is not None and index.fault is not None:
        return fault_finding(index.fault)
    if index is None or index.ready is None:
        return Finding("Unknown", "Unknown", "Elasticsearch has not been asked yet")
    return Finding("True", "Ready", "") if index.ready else Finding("False", "Starting", "the index is being made")


def _connector(connector: ConnectorFacts | None) -> Finding:
    if connector is None:
        return Finding("Unknown", "Unknown", "Kafka Connect has not been asked yet")
    if connector.fault is not None:
        return fault_finding(connector.fault)
    if connector.state is None:
        return Finding("False", "Starting", "Kafka Connect does not know the connector yet")
    if connector.state == "FAILED":
        return Finding("False", "ConnectorFailed", f"the connector: {connector.task_fault}")
    if connector.task_fault is not None:
        return Finding("False", "ConnectorTaskFailed", f"a task of the connector: {connector.task_fault}")
    if connector.state != "RUNNING" or not connector.tasks or connector.running != connector.tasks:
        return Finding("False", "Starting", "not all tasks of the connector run yet")
    return Finding("True", "Ready", f"{connector.tasks} {'task runs' if connector.tasks == 1 else 'tasks run'}")


def _of_all(findings: Iterator[Finding]) -> Finding:
    """Return the worst of `findings`, or what the last has to say when all is well."""
    found = list(findings)
    lacking = [finding for finding in found if finding.status != "True"]
    return worst(lacking) if lacking else found[-1]


def fault_finding(fault: Fault) -> Finding:
    """Return what a peer's fault means for its part."""
    return Finding("False", fault.kind.value, fault.message)


def workload_finding(workload: WorkloadFacts | None, what: str, now: datetime) -> Finding:
    """Return how the pods of a workload are; `what` names it in the message."""
    if workload is None:
        return Finding("False", "Creating", f"{what} is being created")
    if workload.desired == 0:
        return Finding("False", "Suspended", f"{what} stands still")
    if workload.waiting is not None:
        reason = _POD_REASONS.get(workload.waiting, "PodRefused")
        if _may_pass(reason, workload, now):
            return Finding("False", "Starting", f"{what} is starting")
        return Finding("False", reason, f"{what}: {workload.message or workload.waiting}")
    if workload.is_ready:
        return Finding("True", "Ready", f"{what} is ready")
    if workload.last_exit is not None and workload.restarts >= _CRASHES:
        reason = "OutOfMemory" if workload.last_exit.startswith("OOMKilled") else "CrashLoop"
        return Finding("False", reason, f"{what}: {workload.last_exit}")
    if workload.unready_since is None:
        if workload.missing_since is not None and now - workload.missing_since > _START_LIMIT:
            return Finding("False", "NotReady", f"pods of {what} are not created")
        return Finding("False", "Creating", f"pods of {what} are being created")
    if now - workload.unready_since > _START_LIMIT:
        return Finding("False", "NotReady", f"{what} does not become ready" + _last_words(workload))
    return Finding("False", "Starting", f"{what} is starting")


def waiting(pods: Finding, says: str | None) -> Finding:
    """Return the finding about `pods` that are not ready, with what their process `says` it waits for: it knows
    best.
    """
    if says is None or pods.reason not in ("Starting", "NotReady"):
        return pods
    return Finding(pods.status, pods.reason, f"{pods.message}: {says}")


def _may_pass(reason: str, workload: WorkloadFacts, now: datetime) -> bool:
    """Tell whether every start can have this fault: a volume is still being made, a peer comes up later."""
    since = workload.unready_since
    young = since is not None and now - since < _PLACEMENT_LIMIT
    return (reason == "Unschedulable" and young) or (reason == "CrashLoop" and workload.restarts < _CRASHES)


def _last_words(workload: WorkloadFacts) -> str:
    return f"; it last ended with {workload.last_exit}" if workload.last_exit else ""
