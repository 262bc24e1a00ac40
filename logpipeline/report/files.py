"""Log files → intermediates, in constant memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from logpipeline.api.source import Source
from logpipeline.backtest.history import History
from logpipeline.kernel.columns import RowReader
from logpipeline.report.counting import READ, counts
from logpipeline.report.layout import Intermediates


class FileParts:
    """The intermediates of the files of a history, a block of lines each; read once.

    `empty` and `too_long` are how many lines were left out so far.
    """

    def __init__(self, source: Source, past: History) -> None:
        self.empty = 0
        self.too_long = 0
        self._reader = RowReader(source, ())
        self._past = past

    def parts(self, done: Callable[[int], None]) -> Iterator[Intermediates]:
        """Yield them; `done` is told how many bytes of the files were read."""
        read = 0
        for open_log in self._past.logs:
            log = open_log()
            try:
                for block in log.blocks():
                    yield counts(self._reader.columns(block.values, block.arrival_ms).select(READ))
                    done(read + log.position())
                read += log.size
                self.empty += log.empty
                self.too_long += log.too_long
            finally:
                log.close()
