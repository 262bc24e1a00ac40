"""A span of a lake → a report, with what the goals have found in it and the period before."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from logpipeline.api import LogPipeline
from logpipeline.errors import LogPipelineError
from logpipeline.plain import say
from logpipeline.report.assembling import assembled
from logpipeline.report.detections import detections
from logpipeline.report.hours import LakeHours, before, hour_of
from logpipeline.report.merging import merged
from logpipeline.report.panels import Report
from logpipeline.report.progress import progress
from logpipeline.report.timeline import unit_of
from logpipeline.rules import rule_of


def of_lake(
    pipeline: LogPipeline, uri: str, secret: Mapping[str, str], first: datetime, last: datetime, most: int
) -> Report:
    """Return the report of the hours from `first` to `last` of the lake at `uri`, with `most` rows a panel; `secret`
    are the entries of the Secret of its store. Raises LogPipelineError where it cannot be read, or has no record.
    """
    lake = LakeHours(uri, secret)
    past = before(first, last)
    spans = [lake.between(first, last), lake.between(*past) if past else []]
    if not spans[0]:
        raise LogPipelineError(f"{uri}: has no record of the hours from {first} to {last}")
    with progress(sum(map(lake.size, spans)), files=False) as done:
        found, earlier = (merged(lake.parts(hours, done)) for hours in spans)
    for line in lake.warnings:
        say(f"warning: {line}", err=True)
    if not found["hours"].height:
        raise LogPipelineError(f"{uri}: nothing is left of the hours from {first} to {last}")
    ends = hour_of(first), hour_of(last)
    goals = [rule.name for rule in map(rule_of, pipeline.spec.goals) if rule.detects]
    panel = detections(lake.connection, goals, ends, unit_of(found["hours"]))
    source = f"{uri}, the hours from {first:%Y-%m-%d %H:00} to {last:%Y-%m-%d %H:59} (UTC)"
    return assembled(
        f"Report of {pipeline.name}", source, found, ends, most, before=earlier, detections=panel, remarks=lake.warnings
    )
