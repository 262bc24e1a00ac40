"""All objects of a pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from logpipeline.api import LogPipeline
from logpipeline_operator.desired import (
    alert_bridge,
    connect,
    console,
    elasticsearch,
    executors,
    generator,
    goal,
    kafka,
    kibana,
    lake,
    network,
    report,
)
from logpipeline_operator.desired.secrets import SecretFacts
from logpipeline_operator.settings import Settings


def desired(
    pipeline: LogPipeline,
    goal_pipelines: Mapping[str, dict[str, Any]],
    settings: Settings,
    secrets: Mapping[str, SecretFacts],
) -> list[dict[str, Any]]:
    """Return the objects of `pipeline` in the order in which they are applied.

    `goal_pipelines` holds, by the goal's name, the resource that the goal's container reads; `secrets` what is known of
    the Secrets that the resource names. A Secret that is not there yet is none of it: its pods wait for it.
    """
    # First, so that no pod is ever without its policy.
    objects = network.objects(pipeline, settings)
    objects += kafka.objects(pipeline, settings)
    objects += elasticsearch.objects(pipeline, settings)
    objects += executors.account_objects(pipeline)
    for each in pipeline.spec.goals:
        objects += goal.objects(pipeline, each.name, goal_pipelines[each.name], settings, secrets)
    objects += lake.objects(pipeline, settings, secrets)
    objects += report.objects(pipeline, settings, secrets)
    objects += connect.objects(pipeline, settings, secrets)
    objects += alert_bridge.objects(pipeline, settings, secrets)
    objects += generator.objects(pipeline, settings, secrets)
    objects += kibana.objects(pipeline, settings)
    objects += console.objects(pipeline, settings, secrets)
    return objects
