"""The upkeep of a lake's tables beside their writer: retention, compaction, clean-up."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from typing import Protocol

from pyspark.errors import PySparkException

from logpipeline.errors import first_line
from logpipeline_spark.host import JVM_GONE

_LOG = logging.getLogger(__name__)


class Kept(Protocol):
    """What is maintained: a table, or files beside it."""

    @property
    def name(self) -> str:
        """Which it is."""

    def maintain(self, older_than: float) -> None:
        """Remove what is from before `older_than` (epoch seconds), and tidy up."""


class Maintenance:
    """Maintains what is registered, every `every` seconds; `retention` is in seconds by name.

    Delta lets it run beside the writer: an append never conflicts with it
    (https://docs.delta.io/latest/concurrency-control.html).
    """

    def __init__(self, every: float, retention: Mapping[str, float]) -> None:
        self._every = every
        self._retention = retention
        self._lock = threading.Lock()
        self._kept: dict[str, Kept] = {}

    def register(self, kept: Kept) -> None:
        """Maintain it from now on, in place of an earlier one of its name."""
        with self._lock:
            self._kept[kept.name] = kept

    def run(self, stop: threading.Event) -> None:
        """Maintain until `stop` is set; what fails is logged and tried again the next time."""
        while not stop.wait(self._every):
            with self._lock:
                all_kept = list(self._kept.values())
            for kept in all_kept:
                try:
                    kept.maintain(time.time() - self._retention[kept.name])
                except (*JVM_GONE, PySparkException) as error:
                    if stop.is_set():
                        return
                    _LOG.warning("table %s was not maintained: %s", kept.name, first_line(error))
