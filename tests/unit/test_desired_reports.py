"""Scheduled reports as CronJobs."""

from __future__ import annotations

from typing import Any

import yaml

from desired_samples import PIPELINES, objects_of, one
from logpipeline_operator.desired import Stage, suspended

ALL, EXTERNAL = objects_of(PIPELINES["everything"]), objects_of(PIPELINES["external"])


def pod_of(objects: list[dict[str, Any]], name: str) -> dict[str, Any]:
    spec: dict[str, Any] = one(objects, "CronJob", name)["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    return spec


def test_each_report_is_a_cron_job_that_knows_when_it_was_due() -> None:
    daily, weekly = (one(ALL, "CronJob", f"all-report-{name}") for name in ("daily", "by-week"))
    assert (daily["spec"]["schedule"], weekly["spec"]["schedule"]) == ("10 0 * * *", "@weekly")
    assert daily["spec"]["timeZone"] == "Etc/UTC"
    assert daily["spec"]["concurrencyPolicy"] == "Forbid"
    (container,) = pod_of(ALL, "all-report-daily")["containers"]
    assert container["args"][-2:] == ["--job", "$(JOB_NAME)"]
    (job,) = container["env"]
    assert job["valueFrom"]["fieldRef"]["fieldPath"] == "metadata.labels['batch.kubernetes.io/job-name']"
    assert pod_of(ALL, "all-report-daily")["restartPolicy"] == "Never"


def test_its_settings_are_what_it_needs_and_nothing_else() -> None:
    def settings(objects: list[dict[str, Any]], name: str) -> Any:
        return yaml.safe_load(one(objects, "ConfigMap", name)["data"]["report.yaml"])

    assert settings(ALL, "all-report-by-week") == {
        "pipeline": "all", "report": "by-week", "uri": "file:///lake", "goals": ["client-rate", "host-errors"],
        "hours": 168, "keep": 30 * 86400, "top": 20,
    }  # fmt: skip
    found = settings(EXTERNAL, "external-report-daily")
    assert (found["uri"], found["secretFolder"]) == ("s3a://bucket/lake", "/etc/logpipeline/lake-secret")


def test_a_volume_is_mounted_where_the_writer_has_it_and_a_store_anywhere() -> None:
    beside = pod_of(ALL, "all-report-daily")["affinity"]["podAffinity"][
        "requiredDuringSchedulingIgnoredDuringExecution"
    ]
    assert beside == [
        {
            "labelSelector": {
                "matchLabels": {"app.kubernetes.io/instance": "all", "app.kubernetes.io/component": "lake"}
            },
            "topologyKey": "kubernetes.io/hostname",
        }
    ]
    assert "affinity" not in pod_of(EXTERNAL, "external-report-daily")
    claims = [one.get("persistentVolumeClaim") for one in pod_of(ALL, "all-report-daily")["volumes"]]
    assert {"claimName": "lake-all-lake-0"} in claims


def test_nobody_connects_to_it() -> None:
    policy = one(ALL, "NetworkPolicy", "all-report")
    assert policy["spec"]["policyTypes"] == ["Ingress"]
    assert "ingress" not in policy["spec"]


def test_a_suspended_pipeline_writes_none() -> None:
    for stage, stopped in ((Stage.RUNNING, False), (Stage.SOURCES_STOPPED, True), (Stage.ALL_STOPPED, True)):
        assert one(suspended(ALL, stage), "CronJob", "all-report-daily")["spec"]["suspend"] is stopped
