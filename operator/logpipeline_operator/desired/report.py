"""Scheduled reports: a CronJob each."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from logpipeline.api import LogPipeline
from logpipeline.api.reports import ScheduledReport
from logpipeline.report.settings import report_settings
from logpipeline.settings import to_text
from logpipeline_operator.desired import lake, pods
from logpipeline_operator.desired.component import Component
from logpipeline_operator.desired.secrets import SecretFacts, lake_secret
from logpipeline_operator.settings import Settings

_RESOURCES = {"requests": {"cpu": "100m", "memory": "512Mi"}, "limits": {"memory": "2Gi"}}
_CONFIG, _SETTINGS = "/etc/logpipeline", "report.yaml"
# A page that is due is still written by an operator or a node that was away for so long, and no run takes longer.
_LATEST_SECONDS = 6 * 3600
_RETRIES = 3


def objects(pipeline: LogPipeline, settings: Settings, secrets: Mapping[str, SecretFacts]) -> list[dict[str, Any]]:
    """Return the objects of all reports of a pipeline."""
    return [item for report in pipeline.spec.reports for item in _objects(pipeline, report, settings, secrets)]


def _objects(
    pipeline: LogPipeline, report: ScheduledReport, settings: Settings, secrets: Mapping[str, SecretFacts]
) -> list[dict[str, Any]]:
    assert pipeline.spec.lake is not None
    component = Component(pipeline, "report", report.name)
    secret = lake_secret(pipeline, secrets)
    uri, folder = lake.uri(pipeline), Path(secret.folder) if secret is not None else None
    data = {_SETTINGS: to_text(report_settings(pipeline, report, uri, folder))}
    volumes = [pods.files(component, _CONFIG), pods.temporary("256Mi")]
    if secret is not None:
        volumes.append(secret.volume("lake-secret"))
    if pipeline.spec.lake.uri is None:
        volumes.append(lake.volume(pipeline))
    container = pods.container(
        "report",
        settings.images.report,
        _RESOURCES,
        volumes,
        args=["--settings", f"{_CONFIG}/{_SETTINGS}", "--job", "$(JOB_NAME)"],
        env=pods.pod_fields(JOB_NAME="metadata.labels['batch.kubernetes.io/job-name']"),
    )
    plan = pods.PodPlan(
        [container], volumes, pipeline.spec.lake.pod, grace_seconds=10, extra={"restartPolicy": "Never"}
    )
    template = pods.pod_template(component, plan)
    if pipeline.spec.lake.uri is None:
        # One node mounts the volume at a time.
        pods.beside(template, Component(pipeline, "lake").selector)
    job = {
        # Each in a pod of its own, so that what a failed one wrote can be read.
        "backoffLimit": _RETRIES,
        "activeDeadlineSeconds": _LATEST_SECONDS,
        "template": template,
    }
    spec = {
        "schedule": report.schedule,
        "timeZone": "Etc/UTC",
        "suspend": False,
        "concurrencyPolicy": "Forbid",
        "startingDeadlineSeconds": _LATEST_SECONDS,
        "successfulJobsHistoryLimit": 1,
        "failedJobsHistoryLimit": 1,
        "jobTemplate": {"metadata": {"labels": component.labels}, "spec": job},
    }
    return [component.config_map(data), component.object("batch/v1", "CronJob", spec=spec)]
