"""State in segments: what a batch writes, and how much is held."""

from __future__ import annotations

import polars as pl
import pytest

from logpipeline.api import Goal
from logpipeline.kernel import segments, shard
from logpipeline.kernel.segments import FAN
from logpipeline.kernel.watermark import Progress
from logpipeline.rules import Rule, rule_of

KEYS = 100


def a_rule(size: int) -> Rule:
    return rule_of(Goal.model_validate({"name": "g", "preset": "client-rate", "window": {"size": f"{size}s"}}))


def a_batch(second: int) -> pl.DataFrame:
    """A record of each key, all in one second."""
    return pl.DataFrame({"key0": [f"k{n}" for n in range(KEYS)], "pane": [second] * KEYS, "n": [1] * KEYS})


@pytest.mark.parametrize("size", [20, 300])
def test_a_cell_is_written_a_few_times_and_held_as_long_as_its_windows(size: int) -> None:
    rule = a_rule(size)
    state, written, most, parts = shard.new_shard(), 0, 0, 0
    seconds = 3 * size
    for second in range(seconds):
        state, _ = shard.advance(state, a_batch(second), Progress(watermark=second), rule)
        written += sum(segment.cells.height for segment in state.segments if segment.data is None)
        state = shard.from_bytes(shard.to_bytes(state), rule)
        most, parts = max(most, state.height), max(parts, len(state.segments))
    assert KEYS * size <= most <= 2 * KEYS * size
    assert written <= 4 * KEYS * seconds, "each cell with its batch, and once a level"
    assert parts < 4 * FAN


def test_what_is_written_stays_as_it_is() -> None:
    rule, state = a_rule(20), shard.new_shard()
    for second in range(FAN - 1):
        state, _ = shard.advance(shard.from_bytes(shard.to_bytes(state), rule), a_batch(second), Progress(), rule)
    assert [segment.data is None for segment in state.segments] == [False] * (FAN - 2) + [True]
    state, _ = shard.advance(state, a_batch(FAN - 1), Progress(), rule)
    assert [(segment.level, segment.cells.height) for segment in state.segments] == [(1, FAN * KEYS)]


def test_cells_of_one_pane_become_one() -> None:
    rule, held = a_rule(20), ()
    for _ in range(FAN):
        held = segments.add(held, a_batch(0), rule, watermark=0)
    (segment,) = held
    assert segment.cells.sort("key0")["n"].to_list() == [FAN] * KEYS
    assert segments.add(held, a_batch(0).clear(), rule, watermark=20) == ()
