"""The process that writes the lake, asked how it is."""

from __future__ import annotations

from logpipeline.progress import TableProgress, read_tables
from logpipeline.web import RefusedError, fetch_json


class Lake:
    """The writer of the lake, seen through its HTTP server."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}/progress"
        self.progress: dict[str, TableProgress] = {}

    def check(self) -> str | None:
        """Refresh `progress` and return what is lacking, None for nothing."""
        try:
            tables = read_tables(fetch_json(self._url))
        except (OSError, RefusedError, ValueError, KeyError, TypeError):
            self.progress = {}
            return "Spark is starting"
        self.progress = {table.table: table for table in tables}
        waiting = [table for table in tables if table.state != "running"]
        faults = [f"{table.table}: {table.error}" for table in waiting if table.error]
        return faults[0] if faults else f"{waiting[0].table} not running yet" if waiting else None
