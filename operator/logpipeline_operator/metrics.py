"""What the operator counts of itself; served on /metrics."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

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
CONDITION = Gauge(
    f"{_PREFIX}_pipeline_condition",
    "1 for the status and reason that a condition of a pipeline has now.",
    ["pipeline_namespace", "pipeline", "condition", "status", "reason"],
    registry=REGISTRY,
)
LEADER = Gauge(f"{_PREFIX}_leader", "1 on the replica that holds the Lease.", registry=REGISTRY)
CANARY_AGE = Gauge(
    f"{_PREFIX}_canary_age_seconds", "Seconds since the watch last delivered the canary.", registry=REGISTRY
)
