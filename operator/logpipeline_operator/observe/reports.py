"""From the live CronJobs of reports to what they say: pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from logpipeline_operator.cluster.kinds import CRON_JOB, REPORT_LABEL
from logpipeline_operator.observe.facts import ReportFacts


def report_facts(children: Iterable[Mapping[str, Any]]) -> dict[str, ReportFacts]:
    """Return the facts of each report that has a CronJob among the live `children` of a pipeline, by its name."""
    found = {}
    for child in children:
        name = (child["metadata"].get("labels") or {}).get(REPORT_LABEL)
        if child["kind"] == CRON_JOB.name and name is not None:
            status = child.get("status") or {}
            found[name] = ReportFacts(
                last_due=_moment(status.get("lastScheduleTime")),
                last_written=_moment(status.get("lastSuccessfulTime")),
                running=bool(status.get("active")),
            )
    return found


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
