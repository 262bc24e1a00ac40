"""An edit of `having` or `emit` while windows are open: each window over the new threshold gives its result, once."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import orjson
import polars as pl
import pytest

from logpipeline.api import Goal
from logpipeline.kernel import shard
from logpipeline.kernel.shard import Shard
from logpipeline.kernel.watermark import Progress
from logpipeline.rules import Rule, rule_of

Window = tuple[str, int]  # key, start


def a_rule(greater_than: float | None, emit: str | None, size: int = 100, slide: int = 100) -> Rule:
    having = None if greater_than is None else {"greaterThan": greater_than}
    window = {"size": f"{size}s", "slide": f"{slide}s"}
    goal = {"name": "g", "groupBy": ["host"], "window": window, "having": having, "emit": emit}
    return rule_of(Goal.model_validate(goal))


def a_batch(records: Counter[Window]) -> pl.DataFrame:
    keys, panes = [key for key, _ in records], [pane for _, pane in records]
    schema = {"key0": pl.String, "pane": pl.Int64, "n": pl.Int64}
    return pl.DataFrame({"key0": keys, "pane": panes, "n": list(records.values())}, schema=schema)


def step(state: Shard, records: Counter[Window], watermark: int, rule: Rule) -> tuple[Shard, list[tuple[Window, int]]]:
    """The state after a batch, and its results as (window, count)."""
    held = shard.from_bytes(shard.to_bytes(state), rule)
    after, outcome = shard.advance(held, a_batch(records), Progress(watermark), rule)
    rows = [row for windows in outcome.windows for row in windows.sort("start", "key0").iter_rows(named=True)]
    return after, [((row["key0"], row["start"]), row["n"]) for row in rows]


# Steps of (threshold, emit, records of key and pane, watermark) and the results of each: (key, start, count). Windows
# of 100 s.
Step = tuple[float | None, str, dict[Window, int], int]
A, B = ("a", 0), ("b", 0)
CASES: dict[str, list[tuple[Step, list[tuple[str, int, int]]]]] = {
    "lowered: what is over already gives its result, with no record of its own": [
        ((100, "early", {A: 50}, 0), []),
        ((10, "early", {}, 0), [("a", 0, 11)]),
        ((10, "early", {A: 100}, 0), []),
    ],
    "lowered: what was over the old threshold has given its result": [
        ((100, "early", {A: 101, B: 11}, 0), [("a", 0, 101)]),
        ((10, "early", {A: 1}, 0), [("b", 0, 11)]),
    ],
    "lowered and passed in one batch": [((100, "early", {A: 5}, 0), []), ((10, "early", {A: 100}, 0), [("a", 0, 11)])],
    "raised: a window that has given its result gives no other": [
        ((10, "early", {A: 50}, 0), [("a", 0, 11)]),
        ((100, "early", {A: 60, B: 50}, 0), []),
        ((10, "early", {}, 0), [("b", 0, 11)]),
    ],
    "raised before any was over": [((10, "early", {A: 10}, 0), []), ((20, "early", {A: 11}, 0), [("a", 0, 21)])],
    "from final to early: what is over already gives its result": [
        ((10, "final", {A: 50}, 0), []),
        ((10, "early", {B: 1}, 0), [("a", 0, 11)]),
    ],
    "from early to final: a window gives its last word as well": [
        ((10, "early", {A: 50}, 0), [("a", 0, 11)]),
        ((10, "final", {B: 11}, 100), [("a", 0, 50), ("b", 0, 11)]),
    ],
    "from early to final and back": [
        ((10, "early", {A: 50}, 0), [("a", 0, 11)]),
        ((10, "final", {B: 50}, 0), []),
        ((10, "early", {}, 0), [("b", 0, 11)]),
    ],
    "having added": [((None, "final", {A: 50}, 0), []), ((10, "early", {}, 0), [("a", 0, 11)])],
    "having removed": [
        ((10, "early", {A: 50}, 0), [("a", 0, 11)]),
        ((None, "final", {B: 1}, 100), [("a", 0, 50), ("b", 0, 1)]),
    ],
    "a window that is closed stays so": [
        ((100, "early", {A: 50, ("a", 100): 50}, 150), []),
        ((10, "early", {}, 150), [("a", 100, 11)]),
    ],
}


@pytest.mark.parametrize("name", CASES)
def test_an_edit(name: str) -> None:
    state = shard.new_shard()
    for (threshold, emit, records, watermark), expected in CASES[name]:
        rule = a_rule(threshold, emit)
        again = step(state, Counter(records), watermark, rule)[1]
        state, found = step(state, Counter(records), watermark, rule)
        assert [(key, start, n) for (key, start), n in found] == expected
        assert again == found, "a batch that runs again"


@pytest.mark.parametrize("seed", range(6))
def test_edits_in_any_order_give_each_window_one_result(seed: int) -> None:
    """Against a list of the windows that have given their result."""
    rng = random.Random(seed)
    state, told, counts, watermark = shard.new_shard(), set[Window](), Counter[Window](), 0
    size, slide = 20, 5
    for _ in range(60):
        threshold = rng.choice([2, 5, 5, 5, 9, None])
        rule = a_rule(3 if threshold is None else threshold, "final" if threshold is None else "early", size, slide)
        records = Counter({(rng.choice("abc"), watermark // 5 * 5 + rng.randrange(0, 30, 5)): 2 for _ in range(4)})
        for (key, pane), n in records.items():
            counts.update({(key, start): n for start in range(pane + slide - size, pane + slide, slide)})
        expected = [
            (window, int(threshold) + 1)
            for window, n in counts.items()
            if threshold is not None and n > threshold and window not in told and window[1] + size > watermark
        ]
        told.update(window for window, _ in expected)
        watermark += rng.choice([0, 3])
        state, found = step(state, records, watermark, rule)
        if threshold is not None:
            assert sorted(found) == sorted(expected)
    assert len(told) > 20
    assert len(state.phases) < 30, "phases go with their cells"


def test_state_that_does_not_say_its_threshold_is_of_the_rule_as_it_is() -> None:
    rule = a_rule(10, "early")
    state, _ = step(shard.new_shard(), Counter({A: 50, B: 5}), 0, rule)
    head, _, cells = shard.to_bytes(state).partition(b"\n")
    values = orjson.loads(head)
    del values["phases"]
    old = shard.from_bytes(orjson.dumps(values) + b"\n" + cells, rule)
    assert [(phase.threshold, len(phase.segments)) for phase in old.phases] == [(10, 1)]
    assert step(old, Counter({A: 1, B: 6}), 0, rule)[1] == [(B, 11)]
    # State of a goal that emits when windows close has no threshold, whatever its rule's.
    closing = replace(rule, early=False)
    assert shard.from_bytes(orjson.dumps(values) + b"\n" + cells, closing).phases[0].threshold is None
