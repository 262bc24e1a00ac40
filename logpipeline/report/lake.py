"""A span of a lake → a report, with what the goals have found in it and the period before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from logpipeline.errors import LogPipelineError
from logpipeline.plain import say
from logpipeline.report.assembling import assembled
from logpipeline.report.detections import detections
from logpipeline.report.hours import LakeHours, before, hour_of
from logpipeline.report.merging import merged
from logpipeline.report.panels import Report
from logpipeline.report.progress import progress
from logpipeline.report.timeline import unit_of


class NoRecordsError(LogPipelineError):
    """A lake has nothing of the hours that it was asked for."""


def of_lake(
    pipeline: str,
    goals: Sequence[str],
    uri: str,
    secret: Mapping[str, str],
    hours: tuple[datetime, datetime],
    most: int,
) -> Report:
    """Return the report of the first to the last of `hours` of a pipeline's lake at `uri`, with `most` rows a panel;
    `goals` are those that detect, `secret` the entries of the Secret of its store. Raises LogPipelineError where it
    cannot be read, NoRecordsError where there is no record.
    """
    first, last = hours
    lake = LakeHours(uri, secret)
    past = before(first, last)
    spans = [lake.between(first, last), lake.between(*past) if past else []]
    if not spans[0]:
        raise NoRecordsError(f"{uri}: has no record of the hours from {first} to {last}")
    with progress(sum(map(lake.size, spans)), files=False) as done:
        found, earlier = (merged(lake.parts(span, done)) for span in spans)
    for line in lake.warnings:
        say(f"warning: {line}", err=True)
    if not found["hours"].height:
        raise NoRecordsError(f"{uri}: nothing is left of the hours from {first} to {last}")
    ends = hour_of(first), hour_of(last)
    panel = detections(lake.connection, goals, ends, unit_of(found["hours"]))
    source = f"{uri}, the hours from {first:%Y-%m-%d %H:00} to {last:%Y-%m-%d %H:59} (UTC)"
    return assembled(
        f"Report of {pipeline}", source, found, ends, most, before=earlier, detections=panel, remarks=lake.warnings
    )
