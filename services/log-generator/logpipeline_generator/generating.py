"""The generator's run: blocks of the stream, cut to what is asked for, written when they are due."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from logpipeline_generator.metrics import GeneratorMetrics
from logpipeline_generator.offenders import GroundTruth
from logpipeline_generator.outputs import Output
from logpipeline_generator.progress import Report
from logpipeline_generator.rendering import Renderer
from logpipeline_generator.traffic import Columns, Traffic

_SLICE_RECORDS = 2_000
_TICK_SECONDS = 0.01
MAX_LAG_SECONDS = 10.0
"""A paced stream this far behind (broker away, machine asleep) goes on from now; what is less is made up for."""


@dataclass(frozen=True)
class Extent:
    """How much of the stream is wanted; None: no bound."""

    records: int | None = None
    seconds: float | None = None

    def cut(self, block: Columns, done: int) -> Columns:
        """The part of `block` that is still wanted after `done` records."""
        end = len(block.due)
        if self.seconds is not None:
            end = int(np.searchsorted(block.due, round(self.seconds * 1e6)))
        if self.records is not None:
            end = min(end, self.records - done)
        return block.part(0, end)

    def fraction(self, records: int, seconds: float) -> float | None:
        """How much of it is done, 0 to 1; None for an endless stream."""
        parts = [records / self.records] if self.records else []
        parts += [seconds / self.seconds] if self.seconds else []
        return min(1.0, max(parts)) if parts else None


class Run:
    """Writes a stream to an output until its extent is reached or a stop is asked for."""

    def __init__(
        self,
        traffic: Traffic,
        output: Output,
        metrics: GeneratorMetrics,
        truth: GroundTruth | None,
        *,
        stopping: Callable[[], bool],
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._traffic, self._output, self._metrics, self._truth = traffic, output, metrics, truth
        self._stopping, self._clock, self._sleep = stopping, clock, sleep
        self._renderer = Renderer(traffic.hosts.size)
        self.records = 0
        self.malformed = 0
        self.offending = 0

    def write(self, start: int, extent: Extent, paced: bool, report: Report) -> None:
        """Write the stream whose event times begin at `start` (epoch microseconds), at its own rate if `paced`."""
        begun = self._clock()
        for block in self._traffic.blocks():
            wanted = extent.cut(block, self.records)
            at = 0
            while at < len(wanted.due):
                due = len(wanted.due)
                if paced:
                    lag = self._clock() - begun - float(wanted.due[at]) / 1e6
                    if lag > MAX_LAG_SECONDS:
                        report.note(f"{lag:,.0f} s behind: going on from now, without the records of that time")
                        begun, start = begun + lag, start + round(lag * 1e6)
                        if self._truth:
                            self._truth.forget_open()
                    due = int(np.searchsorted(wanted.due, (self._clock() - begun) * 1e6, side="right"))
                end = min(due, at + _SLICE_RECORDS)
                if end > at:
                    if not self._emit(wanted.part(at, end), start):
                        return
                    at = end
                if end == due < len(wanted.due):
                    # what falls due in a tick goes together: a slice of one record costs as much as one of a hundred
                    self._sleep(_TICK_SECONDS)
                if self._stopping():
                    return
                seconds = float(wanted.due[at - 1] if at else wanted.due[0]) / 1e6
                report.update(self.records, self._output.pending(), extent.fraction(self.records, seconds))
            if len(wanted.due) < len(block.due):
                return

    def _emit(self, columns: Columns, start: int) -> bool:
        """Write one slice and count it; False if the output takes no more."""
        failed = self._output.failed()
        if not self._output.write(self._renderer.records(columns, start)):
            return False
        malformed, offending = int((columns.fault >= 0).sum()), columns.offence >= 0
        self.records += len(columns.due)
        self.malformed += malformed
        self.offending += int(offending.sum())
        self._metrics.records.inc(len(columns.due))
        self._metrics.malformed.inc(malformed)
        self._metrics.offenders.inc(int(offending.sum()))
        self._metrics.failures.inc(self._output.failed() - failed)
        if self._truth and offending.any():
            self._truth.saw(columns.offence[offending], columns.event[offending] + start)
        return True
