"""What Prometheus can scrape from the bridge."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge

_PREFIX = "logpipeline_alert_bridge"


class BridgeMetrics:
    """Counters by goal and by receiver; their labels are bounded by the resource."""

    def __init__(self, pipeline: str) -> None:
        self.registry = CollectorRegistry()
        pipeline_goal = ["pipeline", "goal"]
        self._pipeline = pipeline
        self._detections = Counter(
            f"{_PREFIX}_detections",
            "Detections read; outcome: taken, held_back (maxOpen), stale (maxAge), overtaken, malformed.",
            [*pipeline_goal, "outcome"],
            registry=self.registry,
        )
        self._open = Gauge(f"{_PREFIX}_open_alerts", "Alerts that are open.", pipeline_goal, registry=self.registry)
        self._progress_age = Gauge(
            f"{_PREFIX}_goal_progress_age_seconds",
            "Time since a goal last told how far it is; without that its alerts are closed by silence alone.",
            pipeline_goal,
            registry=self.registry,
        )
        self._posts = Counter(
            f"{_PREFIX}_posts",
            "Requests to a receiver, by result.",
            ["pipeline", "receiver", "result"],
            registry=self.registry,
        )
        self._last_success = Gauge(
            f"{_PREFIX}_last_success_timestamp_seconds",
            "When a receiver last took alerts.",
            ["pipeline", "receiver"],
            registry=self.registry,
        )

    def posted(self, receiver: str, *, success: bool) -> None:
        """Count a request to a receiver."""
        self._posts.labels(self._pipeline, receiver, "success" if success else "failure").inc()
        if success:
            self._last_success.labels(self._pipeline, receiver).set_to_current_time()

    def count(self, goal: str, outcome: str) -> None:
        """Count a detection of a goal."""
        self._detections.labels(self._pipeline, goal, outcome).inc()

    def set_open(self, goal: str, number: int) -> None:
        """Say how many alerts of a goal are open."""
        self._open.labels(self._pipeline, goal).set(number)

    def set_progress_age(self, goal: str, seconds: float) -> None:
        """Say how old a goal's last word is."""
        self._progress_age.labels(self._pipeline, goal).set(seconds)
