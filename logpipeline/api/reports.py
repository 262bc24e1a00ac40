"""Pages about what the lake holds, written on a schedule."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from logpipeline.api.base import Duration, Matching, Model, Name, written
from logpipeline.api.cel import CelRule, are_durations, at_least, seconds, texts

# `web-report-kafka` is also what the Kafka of a pipeline `web-report` is called.
_RESERVED = (
    "bridge", "connect", "console", "elasticsearch", "generator", "goal", "kafka", "kibana", "lake", "report"
)  # fmt: skip
_RESERVED_NAME = (
    f"name: has the name of a component between its hyphens ({', '.join(_RESERVED)}), so that an object of it could be "
    "called like another pipeline's; take another name"
)

_VALUES = (
    "[0-5]?[0-9]",
    "([01]?[0-9]|2[0-3])",
    "(0?[1-9]|[12][0-9]|3[01])",
    "(0?[1-9]|1[0-2]|(?i:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec))",
    "([0-6]|(?i:sun|mon|tue|wed|thu|fri|sat))",
)


def _field(value: str) -> str:
    item = rf"(\*|{value}(-{value})?)(/[1-9][0-9]?)?"
    return f"{item}(,{item})*"


# As the CronJobs of Kubernetes have it, https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/.
_CRON = rf"^(@(hourly|daily|midnight|weekly|monthly|yearly|annually)|{' '.join(map(_field, _VALUES))})$"
_CRON_FAULT = (
    "is not the schedule of a CronJob; write minute, hour, day of the month, month and day of the week, for example "
    "10 0 * * * for every day at 00:10 UTC, or @hourly, @daily, @weekly, @monthly"
)

_HOURS = "window: an hour is what is counted; write whole hours, at least 1h"
_SHORT_KEEP = "keep: the page would be gone with the next one; write at least 1h"


class ScheduledReport(Model):
    """A page about the last hours of the lake, as `logpipeline report` writes it."""

    name: Name = Field(description="Names the pages: report/pages/NAME/ in the lake.")
    schedule: Annotated[str, Field(max_length=100), Matching("schedule", _CRON, _CRON_FAULT)] = Field(
        description="When it is written, as a CronJob has it, in UTC; on one machine by `logpipeline report --name`."
    )
    window: Duration = Field(
        written("24h"),
        description="The hours that it is about: so many full ones before it is due.",
    )
    keep: Duration = Field(written("30d"), description="How long after their last hour pages stay in the lake.")
    top: Annotated[int, Field(ge=1, le=1000)] = Field(20, description="Rows of a panel.")

    cel: ClassVar = (
        CelRule(
            "report-name",
            f"!self.name.split('-').exists(part, part in {texts(_RESERVED)})",
            _RESERVED_NAME,
            field="name",
        ),
        CelRule(
            "report-window",
            f"!({are_durations('self.window')}) || "
            f"{seconds('self.window')} >= 3600 && {seconds('self.window')} % 3600 == 0",
            _HOURS,
            field="window",
        ),
        at_least("report-keep", "keep", 3600, _SHORT_KEEP),
    )

    @model_validator(mode="after")
    def _is_whole(self) -> ScheduledReport:
        if set(self.name.split("-")).intersection(_RESERVED):
            raise ValueError(_RESERVED_NAME)
        if self.window < timedelta(hours=1) or self.window % timedelta(hours=1):
            raise ValueError(_HOURS)
        if self.keep < timedelta(hours=1):
            raise ValueError(_SHORT_KEEP)
        return self
