"""Kibana in front of the managed Elasticsearch."""

from __future__ import annotations

from typing import Any

from logpipeline.api import LogPipeline
from logpipeline_operator.desired import pods, quantities
from logpipeline_operator.desired.addresses import EVERYWHERE, KIBANA_PORT, elasticsearch_url
from logpipeline_operator.desired.component import Component
from logpipeline_operator.settings import Settings

_RESOURCES = {"requests": {"cpu": "100m", "memory": "768Mi"}, "limits": {"memory": "1536Mi"}}
# Its first start migrates its own indices.
_START_SECONDS = 600
# The user of the official image.
_USER = 1000
_HOME = "/usr/share/kibana"


def objects(pipeline: LogPipeline, settings: Settings) -> list[dict[str, Any]]:
    """Return the objects of Kibana, none where the resource asks for none."""
    managed = pipeline.spec.sink.elasticsearch.managed if pipeline.spec.sink else None
    if managed is None or managed.kibana is None:
        return []
    component = Component(pipeline, "kibana")
    volumes = [
        pods.temporary("256Mi", f"{_HOME}/data", "data"),
        pods.temporary("64Mi", f"{_HOME}/logs", "logs"),
        pods.temporary("256Mi"),
    ]
    # 503 while Elasticsearch is away: not ready then, and no reason to begin anew.
    status = pods.http("/api/status", KIBANA_PORT)
    container = pods.container(
        "kibana",
        managed.kibana.image or settings.images.kibana,
        quantities.merged(_RESOURCES, managed.kibana.resources),
        volumes,
        env=pods.environment(
            {
                "ELASTICSEARCH_HOSTS": elasticsearch_url(pipeline, settings),
                "SERVER_HOST": EVERYWHERE,
                "SERVER_NAME": component.name,
                "TELEMETRY_OPTIN": "false",
            }
        ),
        ports=[{"name": "http", "containerPort": KIBANA_PORT}],
        **pods.probes(
            startup=status, readiness=status, liveness=pods.connects(KIBANA_PORT), start_seconds=_START_SECONDS
        ),
    )
    plan = pods.PodPlan([container], volumes, managed.kibana.pod, grace_seconds=30, user=_USER)
    spec = {
        "replicas": 1,
        # Two versions of Kibana must not work on one Elasticsearch.
        "strategy": {"type": "Recreate"},
        "revisionHistoryLimit": 2,
        "selector": {"matchLabels": component.selector},
        "template": pods.pod_template(component, plan),
    }
    return [component.service({"http": KIBANA_PORT}), component.object("apps/v1", "Deployment", spec=spec)]
