"""The page of a scheduled report: made of the lake, kept in the lake."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from logpipeline.plain import say, size
from logpipeline.report.hours import hours_before
from logpipeline.report.lake import NoRecordsError, of_lake
from logpipeline.report.page import page
from logpipeline.report.pages import Pages
from logpipeline.report.settings import ReportSettings


def write_page(settings: ReportSettings, secret: Mapping[str, str], moment: datetime) -> None:
    """Write the page about the full hours before `moment`, in place of one about the same, and remove those that are
    not to be kept any longer; hours without a record have no page. `secret` are the entries of the Secret of the lake's
    store. Raises LogPipelineError when the lake cannot be read or written.
    """
    first, last = hours = hours_before(moment, settings.hours)
    pages = Pages(settings.uri, secret, settings.report)
    try:
        made = of_lake(settings.pipeline, settings.goals, settings.uri, secret, hours, settings.top)
    except NoRecordsError as error:
        say(f"no page: {error.message}")
    else:
        content = page(made).encode()
        say(f"page: {pages.write(first, last, content)} ({size(len(content))})")
    if removed := pages.remove_before(last - timedelta(seconds=settings.keep)):
        say(f"removed: {removed} pages that ended more than {timedelta(seconds=settings.keep)} before")
