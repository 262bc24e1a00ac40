"""What a user says of pods, beside what we say."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from desired_samples import EVERYTHING, POD, SAMPLES, a_resource, objects_of, template_of
from logpipeline.api.pods import Resources
from logpipeline_operator.desired import Stage, suspended
from logpipeline_operator.desired.component import child_name
from logpipeline_operator.desired.quantities import canonical, heap_mebibytes, merged
from logpipeline_operator.render import render


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("1024Mi", "1Gi"), ("1.5Gi", "1536Mi"), ("1000Mi", "1000Mi"), ("1048576", "1048576"), ("1000000", "1M"),
        ("0.5Mi", "512Ki"), ("1.3Gi", "1395864371200m"), ("0.5", "500m"), ("1000m", "1"), ("0.0015", "2m"),
        ("1500m", "1500m"), ("1024Ti", "1Pi"), ("512", "512"), ("0.3Ki", "307200m"), ("0", "0"), ("007Mi", "7Mi"),
    ],
)  # fmt: skip
def test_quantities_are_written_as_the_api_server_writes_them(written: str, stored: str) -> None:
    assert canonical(written) == stored
    assert canonical(stored) == stored


DEFAULT = {"requests": {"cpu": "100m", "memory": "512Mi"}, "limits": {"memory": "768Mi"}}


@pytest.mark.parametrize(
    ("given", "requests", "limits"),
    [
        (None, {"cpu": "100m", "memory": "512Mi"}, {"memory": "768Mi"}),
        ({"limits": {"cpu": "1000m"}}, {"cpu": "100m", "memory": "512Mi"}, {"cpu": "1", "memory": "768Mi"}),
        ({"requests": {"memory": "1Gi"}}, {"cpu": "100m", "memory": "1Gi"}, {"memory": "1Gi"}),
        ({"limits": {"memory": "256Mi"}}, {"cpu": "100m", "memory": "256Mi"}, {"memory": "256Mi"}),
        ({"limits": {"cpu": "50m"}}, {"cpu": "50m", "memory": "512Mi"}, {"cpu": "50m", "memory": "768Mi"}),
    ],
)
def test_a_users_resources_win_and_defaults_never_contradict_them(
    given: dict[str, Any] | None, requests: dict[str, str], limits: dict[str, str]
) -> None:
    resources = Resources.model_validate(given) if given else None
    assert merged(DEFAULT, resources) == {"requests": requests, "limits": limits}


def test_a_heap_is_a_share_of_the_limit() -> None:
    assert heap_mebibytes({"limits": {"memory": "1Gi"}}, Fraction(1, 2), 4096) == 512
    assert heap_mebibytes({"limits": {"memory": "100Gi"}}, Fraction(1, 2), 4096) == 4096


def test_names_that_are_too_long_stay_apart() -> None:
    assert child_name("p", "kafka") == "p-kafka"
    long = child_name("p" * 52, "goal", "a")
    assert len(long) <= 52
    assert long != child_name("p" * 52, "goal", "b")


@pytest.mark.parametrize("component", ["kafka", "elasticsearch", "goal-client-rate", "connect", "generator", "kibana"])
def test_a_user_places_pods_and_never_loosens_them(component: str) -> None:
    template = template_of(objects_of(a_resource(EVERYTHING)), f"web-{component}")
    labels, spec = template["metadata"]["labels"], template["spec"]
    assert (labels["team"], labels["app.kubernetes.io/name"]) == ("web", "logpipeline")
    assert template["metadata"]["annotations"]["example.org/note"] == "n"
    assert spec["nodeSelector"] == POD["nodeSelector"]
    assert spec["tolerations"] == POD["tolerations"]
    assert spec["affinity"] == {
        "nodeAffinity": {
            "preferredDuringSchedulingIgnoredDuringExecution": [
                {"weight": 1, "preference": {"matchExpressions": [{"key": "disk", "operator": "Exists"}]}}
            ]
        },
        "podAntiAffinity": {},
    }
    assert spec["priorityClassName"] == "system-node-critical"
    assert spec["imagePullSecrets"] == [{"name": "registry"}]
    assert spec["containers"][0]["image"] == "example.org/mine:1"
    # Whoever places pods himself spreads them himself.
    assert "topologySpreadConstraints" not in spec


@pytest.mark.parametrize(
    ("stage", "stopped"),
    [
        (Stage.RUNNING, set()),
        (Stage.SOURCES_STOPPED, {"generator"}),
        (Stage.CONSUMERS_STOPPED, {"generator", "goal", "lake", "connect", "alert-bridge", "console"}),
        (
            Stage.ALL_STOPPED,
            {"generator", "goal", "lake", "connect", "alert-bridge", "console", "kafka", "elasticsearch", "kibana"},
        ),
    ],
)
def test_what_writes_stops_before_what_it_writes_to(stage: Stage, stopped: set[str]) -> None:
    objects = objects_of(a_resource(EVERYTHING))
    still = suspended(objects, stage)
    workloads = [item for item in still if item["kind"] in ("StatefulSet", "Deployment")]
    component = "app.kubernetes.io/component"
    assert {item["metadata"]["labels"][component] for item in workloads if not item["spec"]["replicas"]} == stopped
    # Nothing else changes: pods that go on are not touched, and volumes stay.
    for before, after in zip(objects, still, strict=True):
        if before != after:
            field = "suspend" if before["kind"] == "CronJob" else "replicas"
            assert {**after, "spec": {**after["spec"], field: before["spec"][field]}} == before


def test_render_prints_what_the_operator_applies() -> None:
    result = CliRunner().invoke(render, ["-f", str(SAMPLES / "nginx.yaml")])
    assert result.exit_code == 0
    objects = list(yaml.safe_load_all(result.output))
    kinds = {"StatefulSet", "Deployment", "ConfigMap", "Service", "PersistentVolumeClaim", "NetworkPolicy"}
    assert {o["kind"] for o in objects} == kinds
    # A file has no owner in a cluster.
    assert not [o for o in objects if "ownerReferences" in o["metadata"]]
