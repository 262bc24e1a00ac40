"""`python -m logpipeline.report --settings FILE`: the container of a scheduled report."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import click

from logpipeline.kafka.security import read_credentials
from logpipeline.lake.place import opened
from logpipeline.report.job import write_page
from logpipeline.report.settings import ReportSettings
from logpipeline.settings import read_settings

# How Kubernetes names the Jobs of a CronJob: its own name, and the minute of the epoch that it was due at.
_JOB = re.compile(r".+-(\d{7,})")


@click.command()
@click.option("--settings", "path", required=True, type=click.Path(path_type=Path), help="What to write (YAML).")
@click.option("--job", help="Name of the Job: a CronJob's says when it was due, and so which hours are meant.")
def main(path: Path, job: str | None) -> None:
    """Write the page of a scheduled report to the lake.

    A Job that is tried again, or late, is about the same hours. One without a time in its name, as `kubectl create job
    --from` makes, is about the last full hours.
    """
    settings = read_settings(path, ReportSettings)
    secret = opened(read_credentials(settings.secret_folder)) if settings.secret_folder else {}
    write_page(settings, secret, due(job) or datetime.now(UTC))


def due(job: str | None) -> datetime | None:
    """Return when the Job of a CronJob was due by its name, None for a Job of another name."""
    found = _JOB.fullmatch(job or "")
    return datetime.fromtimestamp(int(found[1]) * 60, UTC) if found else None


if __name__ == "__main__":
    main(prog_name="logpipeline.report")
