"""The watermark as a table: which partitions were in each batch, how far they were, and what follows."""

from __future__ import annotations

import pytest

from logpipeline.kernel.watermark import Clock, Policy, Progress, advance, from_json, to_json
from logpipeline.kernel.windows import BEGINNING

Batch = dict[int, tuple[int | None, int]]  # partition → (event time, arrival), seconds

# Lateness 5 s, idle after 10 s, two partitions known. Batches, and the watermark after each.
CASES: dict[str, tuple[list[Batch], list[int]]] = {
    "the slowest partition counts": ([{0: (100, 0), 1: (90, 0)}], [85]),
    "it never goes back": ([{0: (100, 0), 1: (100, 0)}, {0: (50, 1), 1: (60, 1)}], [95, 95]),
    "an unseen partition holds it": ([{0: (100, 0)}, {0: (105, 5)}], [BEGINNING, BEGINNING]),
    "until it has been idle for long": ([{0: (100, 0)}, {0: (111, 10)}, {0: (112, 11)}], [BEGINNING, BEGINNING, 107]),
    "a silent partition holds it as long": ([{0: (100, 0), 1: (90, 0)}, {0: (110, 10)}, {0: (111, 11)}], [85, 85, 106]),
    "one behind in a backlog is not idle": ([{0: (100, 0), 1: (90, 0)}, {0: (200, 100), 1: (91, 1)}], [85, 86]),
    "only invalid records are none": (
        [{0: (100, 0), 1: (None, 0)}, {0: (110, 10), 1: (None, 10)}, {0: (111, 11), 1: (None, 11)}], [BEGINNING, BEGINNING, 106],
    ),
    "a partition whose records turn invalid": (
        [{0: (100, 0), 1: (90, 0)}, {0: (110, 10), 1: (None, 10)}, {0: (111, 11), 1: (None, 11)}], [85, 85, 106],
    ),
    "and valid again": (
        [{0: (100, 0), 1: (90, 0)}, {0: (109, 9), 1: (None, 9)}, {0: (110, 10), 1: (92, 10)}, {0: (118, 18), 1: (None, 18)}], [85, 85, 87, 87],
    ),
    "invalid records of a backlog say nothing of now": ([{0: (100, 0), 1: (90, 0)}, {0: (200, 100), 1: (None, 1)}], [85, 85]),
    "a batch counts for as long as the timeout": ([{0: (100, 0), 1: (90, 0)}, {0: (3700, 3600)}, {0: (3701, 3601)}], [85, 85, 3696]),
    "a bad clock alone in a batch": ([{0: (100, 0), 1: (100, 0)}, {1: (10**9, 10**9)}, {0: (101, 1), 1: (101, 1)}], [95, 95, 96]),
    "makes no other partition idle for good": (
        [{0: (100, 0), 1: (100, 0)}, {1: (10**9, 10**9)}, {0: (101, 1)}, {1: (10**9, 4)}, {0: (105, 5)}], [95, 95, 96, 96, 100],
    ),
    "a clock that is always ahead measures time as well": (
        [{0: (100, 0), 1: (100, 10**9)}, {1: (110, 10**9 + 10)}, {1: (111, 10**9 + 11)}], [95, 95, 106],
    ),
    "a new partition joins": ([{0: (100, 0), 1: (100, 0)}, {0: (110, 1), 1: (110, 1), 2: (102, 1)}], [95, 97]),
    "one bad clock moves one partition only": ([{0: (100, 0), 1: (700, 0)}, {0: (101, 1), 1: (101, 1)}], [95, 96]),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_watermark(name: str) -> None:
    policy = Policy(allowed_lateness_ms=5000, idle_timeout_ms=10_000, partitions=2)
    progress = Progress()
    batches, expected = CASES[name]
    found = []
    for batch in batches:
        seen = {
            partition: Clock(None if event is None else event * 1000, arrival * 1000)
            for partition, (event, arrival) in batch.items()
        }
        progress = advance(progress, seen, policy)
        found.append(progress.watermark)
    assert found == expected


def test_a_fraction_of_a_second_is_not_rounded_up() -> None:
    policy = Policy(allowed_lateness_ms=500, idle_timeout_ms=10_000, partitions=1)
    assert advance(Progress(), {0: Clock(1999, 0)}, policy).watermark == 1
    assert advance(Progress(), {0: Clock(-1, 0)}, policy).watermark == -1


def test_state_of_an_earlier_version_leaves_idle_partitions_idle() -> None:
    policy = Policy(allowed_lateness_ms=5000, idle_timeout_ms=10_000, partitions=2)
    clocks = [[0, 100_000, 100_000], [1, 50_000, 50_000]]
    progress = from_json({"watermark": 95, "clocks": clocks, "started_ms": 0})
    assert advance(progress, {0: Clock(101_000, 101_000)}, policy).watermark == 96
    again = from_json(to_json(progress))
    assert again == progress
