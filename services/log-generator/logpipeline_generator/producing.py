"""The replay's run: files line by line into the topic, with every line accounted for."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from logpipeline.errors import LogPipelineError
from logpipeline_generator.delivery import Delivery
from logpipeline_generator.lines import Block, LineFile
from logpipeline_generator.metrics import ProducerMetrics
from logpipeline_generator.pacing import Pace
from logpipeline_generator.progress import Report

_SLICE_LINES = 2_000
_TICK_SECONDS = 0.01


@dataclass
class Tally:
    """Where the lines went: read = sent + empty + rejected, unless a stop came between."""

    read: int = 0
    sent: int = 0
    empty: int = 0
    rejected: int = 0


class Run:
    """Sends files to a topic until they end, `limit` lines are sent, or a stop is asked for."""

    def __init__(
        self,
        delivery: Delivery,
        pace: Pace,
        metrics: ProducerMetrics,
        *,
        stopping: Callable[[], bool],
        line_limit: int,
        limit: int | None,
    ) -> None:
        self._delivery, self._pace, self._metrics, self._stopping = delivery, pace, metrics, stopping
        self._line_limit, self._limit = line_limit, limit
        self.tally = Tally()
        self._acknowledged = 0

    def send(self, files: Sequence[LineFile], report: Report) -> None:
        """Send `files` one after the other; raises when one turns out to be broken, or if there was no line at all."""
        sizes = [file.size for file in files]
        total = None if None in sizes else sum(size or 0 for size in sizes)
        for file in files:
            if file.empty:
                report.note(f"{file.name} is empty, passed over")
            for block in file.blocks(self._line_limit):
                self._account(file, block, report)
                self._send_block(block, lambda: self._show(report, files, total))
                if self._over():
                    return
            for remark in file.remarks:
                report.note(remark)
        if not self.tally.read and not self._stopping():
            raise LogPipelineError(f"{files[0].name}: empty, there is nothing to send")

    def acknowledge(self) -> None:
        """Bring the metric of acknowledged lines up to date."""
        self._metrics.acknowledged.inc(self._delivery.acknowledged - self._acknowledged)
        self._acknowledged = self._delivery.acknowledged

    def _over(self) -> bool:
        return self._stopping() or (self._limit is not None and self.tally.sent >= self._limit)

    def _account(self, file: LineFile, block: Block, report: Report) -> None:
        if self._limit is not None:
            del block.lines[self._limit - self.tally.sent :]
        self.tally.read += block.read
        self.tally.empty += block.empty
        self.tally.rejected += len(block.oversized)
        self._metrics.lines.inc(block.read)
        for number, size in block.oversized:
            report.note(
                f"{file.name}, line {number:,}: {size:,} bytes, more than the topic's {self._line_limit:,}; left out"
            )

    def _send_block(self, block: Block, show: Callable[[], None]) -> None:
        at = 0
        while at < len(block.lines):
            lines = block.lines[at : at + _SLICE_LINES]
            due = self._pace.due(lines)
            if due and not self._delivery.send(lines[:due]):
                return
            self.tally.sent += due
            at += due
            if due < len(lines):
                # what falls due in a tick goes together: a slice of one line costs as much as one of a hundred
                self._delivery.poll(0)
                time.sleep(_TICK_SECONDS)
            if self._stopping():
                return
            show()

    def _show(self, report: Report, files: Sequence[LineFile], total: int | None) -> None:
        self.acknowledge()
        done = [self.tally.sent / self._limit] if self._limit else []
        done += [sum(file.position for file in files) / total] if total else []
        report.update(self.tally.sent, self._delivery.outstanding, max(done) if done else None)
