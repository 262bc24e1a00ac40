"""A live stream on a clock of its own: paced, and going on from now after it was held up."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence

from logpipeline_generator.generating import Extent, Run
from logpipeline_generator.metrics import GeneratorMetrics
from logpipeline_generator.offenders import GroundTruth
from logpipeline_generator.pattern import pattern
from logpipeline_generator.population import CappedZipf
from logpipeline_generator.progress import Report
from logpipeline_generator.traffic import Traffic

NOW = 1_700_000_000.0


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Shelf:
    """Keeps records with the time at which they came; `stall` runs before each write."""

    def __init__(self, clock: Clock, stall: Callable[[int], None] = lambda _: None) -> None:
        self._clock, self._stall = clock, stall
        self.records: list[tuple[float, float]] = []

    def write(self, records: Sequence[bytes]) -> bool:
        self._stall(len(self.records))
        self.records += [(self._clock.now, float(json.loads(record)["@timestamp"])) for record in records]
        return True

    def pending(self) -> int:
        return 3

    def failed(self) -> int:
        return 0

    def close(self, abandon: Callable[[], bool]) -> None: ...


def live(clock: Clock, shelf: Shelf, seconds: float, rate: float = 100.0) -> tuple[Run, list[dict[str, object]]]:
    traffic = Traffic(pattern("steady", rate), 1, CappedZipf.fit(0.001), CappedZipf.fit(0.01))
    text = io.StringIO()
    text.close, closing = lambda: None, text.close  # type: ignore[method-assign]
    truth = GroundTruth(text)
    run = Run(traffic, shelf, GeneratorMetrics(), truth, stopping=lambda: False, clock=clock, sleep=clock.sleep)
    run.write(round(NOW * 1e6), Extent(seconds=seconds), paced=True, report=Report("generate", "records"))
    truth.close()
    lines = [json.loads(line) for line in text.getvalue().splitlines()]
    closing()
    return run, lines


def test_event_time_is_the_time_of_writing() -> None:
    clock = Clock()
    shelf = Shelf(clock)
    live(clock, shelf, 30.0)
    assert all(0 <= written - happened <= 0.02 for written, happened in shelf.records)
    assert shelf.records[-1][0] > NOW + 29.9


def test_what_falls_due_in_a_hundredth_of_a_second_is_written_at_once() -> None:
    clock = Clock()
    writes = []

    def work(count: int) -> None:
        writes.append(count)
        clock.sleep(0.0001)  # in which two more records fall due

    shelf = Shelf(clock, work)
    live(clock, shelf, 1.0, rate=20_000.0)
    assert len(shelf.records) >= 20_000
    assert len(writes) < 120


def test_a_short_hold_up_is_made_up_for() -> None:
    clock = Clock()

    def stall(count: int) -> None:
        if count == 100:
            clock.sleep(5.0)

    held, free = Shelf(clock, stall), Shelf(Clock())
    live(clock, held, 60.0)
    live(free._clock, free, 60.0)
    assert [happened for _, happened in held.records] == [happened for _, happened in free.records]
    assert held.records[-1][0] - held.records[-1][1] <= 0.02


def test_after_a_long_hold_up_it_goes_on_from_now() -> None:
    clock = Clock()

    def stall(count: int) -> None:
        if count == 400:  # within the first two offences
            clock.sleep(3600.0)

    shelf = Shelf(clock, stall)
    _, truth = live(clock, shelf, 60.0)
    assert all(written - happened <= 10.0 or written - happened >= 3600 for written, happened in shelf.records)
    assert shelf.records[-1][1] > NOW + 3600 + 59
    starts = [line["start"] for line in truth]
    assert starts, "offences after the hold-up are listed"
    assert all(isinstance(start, float) and start > NOW + 3600 for start in starts), "torn ones are not"


def test_metrics_count_what_was_written() -> None:
    clock = Clock()
    traffic = Traffic(pattern("steady", 100.0), 1, CappedZipf.fit(0.001), CappedZipf.fit(0.01), malformed_share=0.1)
    metrics, shelf = GeneratorMetrics(), Shelf(clock)
    shelf.write = lambda _: True  # type: ignore[method-assign]
    metrics.watch_queue(shelf.pending)
    run = Run(traffic, shelf, metrics, None, stopping=lambda: False, clock=clock, sleep=clock.sleep)
    run.write(0, Extent(records=2000), paced=False, report=Report("generate", "records"))
    values = {name: metrics.registry.get_sample_value(f"logpipeline_generator_{name}") for name in _SAMPLES}
    assert values == {
        "records_total": 2000,
        "malformed_records_total": run.malformed,
        "offender_records_total": run.offending,
        "delivery_failures_total": 0,
        "queue_records": 3,
    }
    assert run.malformed > 100
    assert run.offending > 50


_SAMPLES = (
    "records_total",
    "malformed_records_total",
    "offender_records_total",
    "delivery_failures_total",
    "queue_records",
)
