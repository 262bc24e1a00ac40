"""What the operator counts of itself; served on /metrics."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from logpipeline_operator.cluster.kinds import PipelineKey

_PREFIX = "logpipeline_operator"

REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)
RECONCILE = Histogram(
    f"{_PREFIX}_reconcile_duration_seconds",
    "Duration of one pass over a pipeline.",
    ["result"],
    registry=REGISTRY,
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
REQUESTS = Counter(
    f"{_PREFIX}_api_requests", "Requests to the API server, without the watches.", ["method"], registry=REGISTRY
)
WRITES = Counter(f"{_PREFIX}_writes", "Children written to the API server.", ["kind", "verb"], registry=REGISTRY)
STATUS_WRITES = Counter(f"{_PREFIX}_status_writes", "Statuses written to the API server.", registry=REGISTRY)
QUEUE_DEPTH = Gauge(f"{_PREFIX}_queue_depth", "Pipelines that wait for a pass that is due.", registry=REGISTRY)
OBSERVE = Histogram(
    f"{_PREFIX}_observe_duration_seconds", "Duration of asking a pipeline's components how they are.", registry=REGISTRY
)
LIST_ERRORS = Counter(
    f"{_PREFIX}_list_errors",
    "Full lists of a watched namespace, empty for all, that failed: it was deleted, or rights are missing.",
    ["watched_namespace"],
    registry=REGISTRY,
)
LEADER = Gauge(f"{_PREFIX}_leader", "1 on the replica that holds the Lease.", registry=REGISTRY)
CANARY_AGE = Gauge(
    f"{_PREFIX}_canary_age_seconds", "Seconds since the watch last delivered the canary.", registry=REGISTRY
)


class PipelineGauge:
    """A gauge whose series come and go with a pipeline; safe to use from several threads."""

    def __init__(self, name: str, documentation: str, labels: Sequence[str] = ()) -> None:
        labels = ["pipeline_namespace", "pipeline", *labels]
        self._gauge = Gauge(f"{_PREFIX}_pipeline_{name}", documentation, labels, registry=REGISTRY)
        self._lock = threading.Lock()
        self._series: dict[PipelineKey, frozenset[tuple[str, ...]]] = {}

    def set(self, key: PipelineKey, series: Mapping[tuple[str, ...], float]) -> None:
        """Let `series`, values by the labels' values, be all that is told of a pipeline."""
        with self._lock:
            for labels in self._series.pop(key, frozenset()) - series.keys():
                self._gauge.remove(key.namespace, key.name, *labels)
            for labels, value in series.items():
                self._gauge.labels(key.namespace, key.name, *labels).set(value)
            if series:
                self._series[key] = frozenset(series)


CONDITION = PipelineGauge(
    "condition",
    "1 for the status and reason that a condition of a pipeline has now.",
    ["condition", "status", "reason"],
)
RECORDS = PipelineGauge("records", "Records that were ever written to the raw topic of a pipeline.")
READ = PipelineGauge("goal_read_records", "Records of the raw topic that a goal has processed for good.", ["goal"])
DEAD_LETTERS = PipelineGauge("dead_letters", "Records that Elasticsearch has refused for good.")
CERTIFICATE_EXPIRY = PipelineGauge(
    "certificate_expiry_timestamp_seconds",
    "When the certificates end that an entry of a Secret of the pipeline holds.",
    ["secret", "key"],
)
VOLUME = PipelineGauge("volume_info", "1 for each volume claim of a pipeline.", ["component", "persistentvolumeclaim"])


def tell_status(key: PipelineKey, status: Mapping[str, Any]) -> None:
    """Let the gauges say of a pipeline what its status says, nothing of one without."""
    CONDITION.set(key, {(one["type"], one["status"], one["reason"]): 1 for one in status.get("conditions", [])})
    RECORDS.set(key, {(): status["records"]} if "records" in status else {})
    READ.set(
        key,
        {(goal["name"],): sum(goal["offsets"].values()) for goal in status.get("goals", []) if "offsets" in goal},
    )
    sink = status.get("sink", {})
    DEAD_LETTERS.set(key, {(): sink["deadLetters"]} if "deadLetters" in sink else {})
