"""Log files, or the partitions of a topic → a report, in constant memory."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import polars as pl

from logpipeline.api import LogPipeline
from logpipeline.api.source import Source
from logpipeline.backtest.files import STANDARD_INPUT
from logpipeline.backtest.history import History
from logpipeline.backtest.logs import Block
from logpipeline.errors import LogPipelineError
from logpipeline.kernel.columns import RowReader
from logpipeline.report.assembling import assembled, span_of
from logpipeline.report.counting import READ, counts
from logpipeline.report.layout import Intermediates
from logpipeline.report.merging import merged
from logpipeline.report.panels import Report
from logpipeline.report.progress import progress

# What comes again among many lines is counted faster; these are 64 MiB at most.
_TOGETHER = 8


class LogParts:
    """The intermediates of the logs of a history, some blocks of records each; read once.

    `remarks` are lines about what was left out so far.
    """

    def __init__(self, source: Source, past: History) -> None:
        self.remarks: list[str] = []
        self._reader = RowReader(source, ())
        self._past = past

    def parts(self, done: Callable[[int], None]) -> Iterator[Intermediates]:
        """Yield them; `done` is called with how much of the logs was read since its last call."""
        for open_log in self._past.logs:
            log = open_log()
            read = 0
            try:
                blocks = log.blocks()
                while rows := [self._rows(block) for block in itertools.islice(blocks, _TOGETHER)]:
                    yield counts(pl.concat(rows))
                    done(log.position() - read)
                    read = log.position()
                self.remarks += log.remarks
                if log.empty:
                    self.remarks.append(f"{log.name}: {log.empty:,} empty lines, passed over")
                if log.too_long:
                    self.remarks.append(f"{log.name}: {log.too_long:,} lines longer than 16 MiB, left out")
            finally:
                log.close()

    def _rows(self, block: Block) -> pl.DataFrame:
        return self._reader.columns(block.values, block.arrival_ms).select(READ)


def of_logs(pipeline: LogPipeline, past: History, most: int) -> Report:
    """Return the report of the files or the topic of `past`, with `most` rows a panel; raises LogPipelineError where
    they cannot be read, or have no record.
    """
    files = LogParts(pipeline.spec.source, past)
    with progress(past.total, files=bool(past.files)) as done:
        found = merged(files.parts(done))
    source = _source(pipeline, past)
    if not found["hours"].height:
        raise LogPipelineError(f"{source}: no record to report")
    return assembled(f"Report of {pipeline.name}", source, found, span_of(found), most, remarks=files.remarks)


def _source(pipeline: LogPipeline, past: History) -> str:
    names = ["standard input" if path == STANDARD_INPUT else path.name for path in past.files]
    if not names:
        return f"the topic {pipeline.topics()['raw'].name}"
    return f"{len(names)} log file{'s' if len(names) > 1 else ''}: {_listed(names)}"


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - 10:,} more" if len(names) > 10 else ""
    return ", ".join(names[:10]) + more
