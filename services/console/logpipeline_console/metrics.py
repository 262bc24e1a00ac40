"""What Prometheus can scrape from the console, and for Kubernetes whether it lives."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Gauge

from logpipeline.serving import Verdict
from logpipeline_console.board import Board

_STUCK_SECONDS = 30.0


def registry_of(board: Board, pipeline: str) -> CollectorRegistry:
    """Return the registry with the console's metrics."""
    registry = CollectorRegistry()
    viewers = Gauge("logpipeline_console_viewers", "Pages that are open.", ["pipeline"], registry=registry)
    viewers.labels(pipeline).set_function(lambda: board.readers)
    silence = Gauge(
        "logpipeline_console_age_seconds",
        "Time since the page was last looked to for news.",
        ["pipeline"],
        registry=registry,
    )
    silence.labels(pipeline).set_function(board.age)
    return registry


def verdicts(board: Board) -> Mapping[str, Verdict]:
    """Return what /healthz and /readyz answer."""

    def health() -> tuple[bool, str]:
        age = board.age()
        return age < _STUCK_SECONDS, f"news was last looked for {age:.0f} s ago"

    return {"/healthz": health, "/readyz": health}
