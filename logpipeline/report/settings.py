"""What the writer of a scheduled report is started with."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import Field

from logpipeline.api import LogPipeline
from logpipeline.api.base import Model
from logpipeline.api.reports import ScheduledReport
from logpipeline.rules import detecting

_HOUR = timedelta(hours=1)


class ReportSettings(Model):
    """`report` is its name; `goals` are those that detect; `hours` is how many a page is about, and a page is kept for
    `keep` seconds after them; `secret_folder` holds a file for each key of the lake's Secret.
    """

    pipeline: str
    report: str
    uri: str
    goals: list[str]
    hours: Annotated[int, Field(ge=1)]
    keep: Annotated[float, Field(gt=0)]
    top: Annotated[int, Field(ge=1)]
    secret_folder: Path | None = None


def report_settings(
    pipeline: LogPipeline, report: ScheduledReport, uri: str, secret_folder: Path | None = None
) -> ReportSettings:
    """Return the settings of a report of `pipeline`, whose lake is at `uri`."""
    return ReportSettings(
        pipeline=pipeline.name,
        report=report.name,
        uri=uri,
        goals=detecting(pipeline),
        hours=report.window // _HOUR,
        keep=report.keep.total_seconds(),
        top=report.top,
        secret_folder=secret_folder,
    )
