"""The upkeep of a lake's tables beside their writer: retention, compaction, clean-up."""

from __future__ import annotations

import functools
import logging
import threading
import time
from collections.abc import Callable, Mapping

from pyspark.errors import PySparkException

from logpipeline.errors import first_line
from logpipeline.lake.names import TableName
from logpipeline_spark.delta import Table
from logpipeline_spark.host import JVM_GONE
from logpipeline_spark.status_files import StatusFiles

_LOG = logging.getLogger(__name__)


class Maintenance:
    """Maintains the tables that are registered, every `every` seconds; `retention` is in seconds by table.

    Delta lets it run beside the writer: an append never conflicts with it
    (https://docs.delta.io/latest/concurrency-control.html).
    """

    def __init__(self, every: float, retention: Mapping[TableName, float], statuses: StatusFiles | None = None) -> None:
        self._every = every
        self._retention = retention
        self._statuses = statuses
        self._lock = threading.Lock()
        self._tables: dict[TableName, Table] = {}

    def register(self, table: Table) -> None:
        """Maintain `table` from now on, in place of an earlier one of its name."""
        with self._lock:
            self._tables[table.name] = table

    def run(self, stop: threading.Event) -> None:
        """Maintain until `stop` is set; what fails is logged and tried again the next time."""
        while not stop.wait(self._every):
            with self._lock:
                tables = list(self._tables.values())
            work: dict[str, Callable[[], None]] = {
                table.name: functools.partial(table.maintain, time.time() - self._retention[table.name])
                for table in tables
            }
            if self._statuses is not None:
                work["statuses"] = functools.partial(self._statuses.maintain, time.time())
            for name, maintain in work.items():
                try:
                    maintain()
                except (*JVM_GONE, PySparkException) as error:
                    if stop.is_set():
                        return
                    _LOG.warning("table %s was not maintained: %s", name, first_line(error))
