"""The watermark as a table: which partitions were in each batch, how far they were, and what follows."""

from __future__ import annotations

import pytest

from logpipeline.kernel.watermark import Clock, Policy, Progress, advance
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
    "only invalid records, so no event time": ([{0: (100, 0), 1: (None, 0)}, {0: (111, 11), 1: (None, 11)}], [BEGINNING, BEGINNING]),
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
