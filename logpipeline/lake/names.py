"""The tables of a lake by name: where each is, and what it is partitioned by."""

from __future__ import annotations

import re
from typing import Literal

TableName = Literal["raw", "results"]

PARTITIONS: dict[TableName, tuple[str, ...]] = {"raw": ("date", "hour"), "results": ("date",)}
# Those that files are skipped by.
STATISTICS: dict[TableName, tuple[str, ...]] = {
    "raw": ("event_time", "client_ip", "status", "host", "invalid", "topic", "partition", "offset", "kafka_time"),
    "results": ("goal", "window_start", "window_end", "identity", "kafka_time"),
}
# Where the pages of scheduled reports are: a folder for each, in it FIRST--LAST.html by its first and last hour.
PAGES = "report/pages"
_HOUR = r"\d{4}-\d\d-\d\dT\d\d"
PAGE = re.compile(rf"(?P<report>[a-z0-9][-a-z0-9]*)/(?P<first>{_HOUR})--(?P<last>{_HOUR})\.html")
"""The path of a page below `PAGES`; no other path is handed out."""
# Where counts by status are as plain Parquet: goal=GOAL/ by its windows' ends.
STATUSES = "statuses"


def folder(uri: str, table: str) -> str:
    """Return the place of a table of the lake at `uri`."""
    return f"{uri.rstrip('/')}/{table}"


def checkpoint(uri: str, table: str) -> str:
    """Return the place of the offsets up to which a table holds its topics: with the table, so that who restores one
    from a copy restores both.
    """
    return f"{uri.rstrip('/')}/_checkpoints/{table}"
