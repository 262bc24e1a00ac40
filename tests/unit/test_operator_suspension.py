"""How far a suspended pipeline may stop, by the pods that still run."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from logpipeline_operator.cluster.kinds import ObjectKey
from logpipeline_operator.desired import Stage
from logpipeline_operator.suspension import next_stage, sources_run
from observed import facts
from pipelines import a_pipeline

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def pod(component: str, phase: str) -> tuple[ObjectKey, dict[str, Any]]:
    metadata = {"name": component, "labels": {"app.kubernetes.io/component": component}}
    return ObjectKey("Pod", component), {"kind": "Pod", "metadata": metadata, "status": {"phase": phase}}


@pytest.mark.parametrize(
    ("phase", "runs", "stage"),
    [
        ("Running", True, Stage.CONSUMERS_STOPPED),
        ("Pending", True, Stage.CONSUMERS_STOPPED),
        # An evicted pod stays on the API server for days.
        ("Failed", False, Stage.ALL_STOPPED),
        ("Succeeded", False, Stage.ALL_STOPPED),
    ],
)
def test_a_pod_that_has_ended_holds_nothing_up(phase: str, runs: bool, stage: Stage) -> None:
    assert sources_run(dict([pod("generator", phase)])) is runs
    live = dict([pod("goal", phase)])
    assert next_stage(a_pipeline(suspend=True), live, facts(), now=NOW, stopped=NOW) == stage
