"""`having.timesPrevious`: what a window is compared with, since when, and through edits, backlogs and shards."""

from __future__ import annotations

import random
from typing import Any

import orjson
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from logpipeline.api import Goal
from logpipeline.api.source import Source
from logpipeline.kernel import cells, shard
from logpipeline.kernel.shard import Shard
from logpipeline.kernel.watermark import Policy, Progress, earlier
from logpipeline.kernel.windows import BEGINNING, END
from logpipeline.rules import Rule, rule_of
from logpipeline_spark.counting import counter
from logpipeline_spark.windowing import END_OF_FIELD, END_OF_MESSAGE, windower

Records = dict[int, int]  # second of the event → records
SIZE = 10


def a_rule(having: dict[str, Any] | None, **changes: Any) -> Rule:
    goal = {"name": "g", "groupBy": ["host"], "window": {"size": f"{SIZE}s"}, "emit": "final", "having": having}
    return rule_of(Goal.model_validate({**goal, **changes}))


def step(
    state: Shard, records: Records, watermark: int, rule: Rule, key: str = "a", room: int | None = None
) -> tuple[Shard, dict[int, int]]:
    """The state after a batch, and the counts of its results by start."""
    panes = [second // rule.pane * rule.pane for second in records]
    batch = pl.DataFrame(
        {"key0": [key] * len(panes), "pane": panes, "n": [*records.values()]}, cells.empty(rule).schema
    )
    held = shard.from_bytes(shard.to_bytes(state), rule)
    since = earlier(held.progress.since, min(records, default=END), held.progress.watermark)
    after, outcome = shard.advance(held, cells.merge(batch, rule), Progress(watermark, since=since), rule, room)
    assert outcome.dropped == 0
    return after, {row["start"]: row["n"] for windows in outcome.windows for row in windows.iter_rows(named=True)}


def counts(*values: int, begin: int = 0) -> Records:
    """Windows with so many records each, all in their first second; with 0 there is none."""
    return {begin + number * SIZE: value for number, value in enumerate(values) if value}


JUMP = {"timesPrevious": 3, "over": 2}
CASES: dict[str, tuple[dict[str, Any], Records, list[int]]] = {
    "three times the mean is not more than it": (JUMP, counts(4, 2, 9), []),
    "one more is": (JUMP, counts(4, 2, 10), [20]),
    "the first windows have nothing to be compared with": (JUMP, counts(1, 50, 1, 1), []),
    "nor has one whose first window began before the first record": (JUMP, {1: 1, 10: 1, 20: 50, 30: 99}, [30]),
    "a window without a record is 0": (JUMP, counts(2, 0, 4), [20]),
    "and so is a gap of any length": (JUMP, counts(1, 0, 0, 0, 1), [40]),
    "greaterThan keeps 0 to 1 from being a jump": ({**JUMP, "greaterThan": 1}, counts(1, 0, 0, 1, 0, 0, 2), [60]),
    "what is over the threshold and does not jump": ({**JUMP, "greaterThan": 1}, counts(9, 9, 9), []),
    "a jump is part of what comes after it": (JUMP, counts(1, 1, 10, 16, 39), [20]),
    "six windows when nothing else is said": ({"timesPrevious": 2}, counts(3, 3, 3, 3, 3, 3, 7), [60]),
    "a part of the mean": ({"timesPrevious": 0.5, "over": 1}, counts(10, 5, 3), [20]),
}


@pytest.mark.parametrize("name", CASES)
def test_a_window_is_compared_with_those_right_before_it(name: str) -> None:
    having, records, expected = CASES[name]
    assert list(step(shard.new_shard(), records, END, a_rule(having))[1]) == expected


def test_the_first_record_of_any_key_is_the_beginning_for_all() -> None:
    rule = a_rule(JUMP)
    state, _ = step(shard.new_shard(), {0: 1}, BEGINNING, rule, key="a")
    assert step(state, {20: 1}, END, rule, key="b")[1] == {20: 1}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({0: [1.0, 3.0], 10: [4.0], 20: [10.0]}, [20]),  # against the mean of 2 and 4
        ({0: [1.0, 3.0], 10: [4.0], 20: [9.0]}, []),
        ({0: [2.0], 20: [7.0]}, [20]),  # a window without a record is no mean of 0
        ({0: [2.0], 20: [6.0]}, []),
        ({0: [2.0], 30: [7.0]}, []),  # nothing before it
    ],
)
def test_of_a_mean_the_windows_without_a_record_are_left_out(
    values: dict[int, list[float]], expected: list[int]
) -> None:
    rule = a_rule(JUMP, aggregate={"avg": {"field": "bytes"}})
    rows = [(second, value) for second, several in values.items() for value in several]
    records = pl.DataFrame({"second": [row[0] for row in rows], "number:bytes": [row[1] for row in rows]})
    counted, _, _ = cells.count(records.with_columns(pl.lit("a").alias("text:host")), rule)
    _, outcome = shard.advance(shard.new_shard(), counted, Progress(END, since=0), rule)
    assert [start for windows in outcome.windows for start in windows["start"]] == expected


def test_a_late_record_is_no_beginning() -> None:
    rule = a_rule(JUMP)
    state, _ = step(shard.new_shard(), counts(1, begin=100), 100, rule)
    state, found = step(state, {0: 5, **counts(9, begin=110)}, 120, rule)
    assert (found, state.progress.since) == ({}, 100)


STEPS: dict[str, list[tuple[dict[str, Any] | None, Records, int, list[int]]]] = {
    "turned on: the window that is open is held whole, those before it are not": [
        (None, counts(1, 1, 1), 20, [0, 10]),
        (JUMP, counts(1, 1, begin=30), 40, []),
        (JUMP, counts(9, begin=50), END, [50]),
    ],
    "turned on where every window jumps against what is gone": [
        (None, counts(9, 9), 20, [0, 10]),
        (JUMP, counts(1, 1, 1, begin=20), END, []),
    ],
    "raised: earlier windows are gone, so it begins anew": [
        ({"timesPrevious": 3, "over": 1}, counts(1, 1, 1, 1), 40, []),
        ({"timesPrevious": 3, "over": 3}, counts(4, 1, begin=40), 60, []),
        ({"timesPrevious": 3, "over": 3}, counts(19, begin=60), END, [60]),
    ],
    "lowered": [
        ({"timesPrevious": 3, "over": 3}, counts(1, 1, 1, 1), 40, []),
        ({"timesPrevious": 3, "over": 1}, counts(4, begin=40), END, [40]),
    ],
    "lowered and raised again: what was let go of in between is gone": [
        ({"timesPrevious": 3, "over": 3}, counts(1, 1, 1, 1), 40, []),
        ({"timesPrevious": 3, "over": 1}, counts(1, begin=40), 50, []),
        ({"timesPrevious": 3, "over": 3}, counts(9, 9, 99, begin=50), END, [70]),
    ],
    "other times": [
        ({"timesPrevious": 9, "over": 2}, counts(1, 1, 4), 30, []),
        ({"timesPrevious": 1.5, "over": 2}, counts(4, begin=30), END, [30]),
    ],
    "turned off and on again": [
        (JUMP, counts(1, 1, 4), 30, [20]),
        ({"greaterThan": 3}, counts(4, begin=30), 40, [30]),
        (JUMP, counts(1, 9, 99, begin=40), END, [60]),
    ],
}


@pytest.mark.parametrize("name", STEPS)
def test_an_edit_is_never_a_jump_of_its_own(name: str) -> None:
    state = shard.new_shard()
    for having, records, watermark, expected in STEPS[name]:
        again = step(state, records, watermark, a_rule(having))[1]
        state, found = step(state, records, watermark, a_rule(having))
        assert list(found) == expected
        assert again == found, "a batch that runs again"


def test_state_of_an_earlier_version_begins_with_the_first_record_that_is_read_now() -> None:
    rule = a_rule(JUMP)
    state, _ = step(shard.new_shard(), counts(1, 1, 1), 30, a_rule(None))
    head, _, rest = shard.to_bytes(state).partition(b"\n")
    values = orjson.loads(head)
    del values["since"]
    old = shard.from_bytes(orjson.dumps(values) + b"\n" + rest, rule)
    state, found = step(old, counts(1, 1, begin=30), 50, rule)
    assert (found, state.progress.since) == ({}, 30)
    assert step(state, counts(9, begin=50), END, rule)[1] == {50: 9}


def test_cells_are_held_as_long_as_a_window_is_compared_with_them() -> None:
    for having, windows in ((None, 1), (JUMP, 3), ({"timesPrevious": 3, "over": 5}, 6)):
        state, rule = shard.new_shard(), a_rule(having)
        for number in range(60):
            state, _ = step(state, {number * SIZE: 1}, number * SIZE, rule)
        panes = {pane for segment in state.segments for pane in segment.cells["pane"]}
        assert {590 - SIZE * number for number in range(windows)} <= panes
        assert len(panes) <= 2 * windows + 1


@pytest.mark.parametrize("aggregate", ["count", "sum", "avg", "p95"])
@pytest.mark.parametrize("seed", range(3))
def test_a_backlog_gives_the_same_in_parts(aggregate: str, seed: int) -> None:
    rng = random.Random(seed)
    of = {} if aggregate == "count" else {"field": "bytes"}
    window = {"size": "4s", "slide": "2s"}
    rule = a_rule({"timesPrevious": 1.2, "over": 3}, aggregate={aggregate: of}, window=window)
    rows = [(rng.choice("abc"), rng.randrange(100, 500), float(rng.randrange(1, 9))) for _ in range(1500)]
    schema = ["text:host", "second", "number:bytes"]
    batch, _, _ = cells.count(pl.DataFrame(rows, schema, orient="row"), rule)
    progress = Progress(490, since=min(row[1] for row in rows))

    def run(room: int | None) -> tuple[list[Any], int]:
        state, found, number = shard.new_shard(), [], 0
        for part, until in shard.parts(state, batch, progress, rule, room):
            state, outcome = shard.advance(state, part, until, rule, room)
            found += [row for frame in outcome.windows for row in frame.sort("start", "key0").iter_rows()]
            number += 1
            assert outcome.dropped == 0
        return found, number

    whole, _ = run(None)
    parted, number = run(cells.size(batch, rule) // 3)
    assert parted == whole
    assert len(whole) > 20
    assert number > 2


def test_a_full_state_keeps_what_windows_are_compared_with() -> None:
    """In no more than three cells, so that it is compacted; 4 are less than 3 times the mean of 2 and 1."""
    rule, room = a_rule(JUMP), 3 * (64 + 1)
    state = shard.new_shard()
    for records, watermark in ((counts(1), 0), (counts(1, 1), 20), (counts(4, begin=20), 30)):
        state, found = step(state, records, watermark, rule, room=room)
        assert found == {}
    assert state.height == 3


class State:
    """What Spark keeps of a shard."""

    exists = False

    def update(self, value: tuple[bytes]) -> None:
        self.exists, self.get = True, value


def messages(batches: list[list[tuple[str, float]]], rule: Rule, shards: int) -> list[str]:
    """The results of a goal as Spark's workers run it, over two partitions; sorted."""
    source = Source()
    count = counter(source, rule, shards, room=1 << 20, topic="raw", quotes_invalid=False)
    window = windower(rule, Policy(5000, 10_000, 2), 1 << 20)
    states: dict[int, State] = {}
    found: list[str] = []
    for batch in batches:
        lines = [orjson.dumps({"host": host, "@timestamp": time}) for host, time in batch]
        places = {
            "partition": pa.array([number % 2 for number in range(len(lines))], pa.int32()),
            "offset": pa.array(range(len(lines)), pa.int64()),
            "arrival_ms": pa.array([10**12] * len(lines), pa.int64()),
        }
        records = pa.RecordBatch.from_pydict({"value": pa.array(lines, pa.binary()), **places})
        # Two tasks, each with one of the partitions.
        tasks = [
            records.filter(pa.array([place == task for place in places["partition"].to_pylist()])) for task in (0, 1)
        ]
        rows = [
            row
            for task in tasks
            for part in count(task.slice(start, 2) for start in range(0, len(task), 2))
            for row in part.to_pylist()
        ]
        for key in {row["shard"] for row in rows}:
            state = states.setdefault(key, State())
            frames = (pd.DataFrame([row]) for row in rows if row["shard"] == key)
            for frame in window((key,), frames, state):  # type: ignore[arg-type]
                texts = filter(None, frame["messages"][0].split(END_OF_MESSAGE))
                found += [text.split(END_OF_FIELD)[1] for text in texts]
    return sorted(found)


@pytest.mark.parametrize("sizes", [[10], [2, 8], [4, 6]])
def test_the_beginning_is_the_first_record_of_all_tasks_and_batches(sizes: list[int]) -> None:
    """The window at 1012 has three before it since 1000, where there is one record."""
    times = [1003, 1004, 1000, 1001, 1004, 1003, 1013, 1014, 2000, 2000]
    stream = iter([("a", float(time)) for time in times])
    rule = a_rule({"timesPrevious": 0.5, "over": 3}, window={"size": "4s"})
    (found,) = messages([[next(stream) for _ in range(size)] for size in sizes], rule, 2)
    assert orjson.loads(found)["window_start"] == "1970-01-01T00:16:52Z"


@pytest.mark.parametrize("seed", range(4))
def test_results_depend_on_neither_batches_nor_shards(seed: int) -> None:
    """Any split of records whose disorder stays within the lateness; the last ones close the windows of all others."""
    rng = random.Random(seed)
    rule = a_rule({"timesPrevious": 1.5, "over": 3}, window={"size": "4s", "slide": "2s"})
    times = sorted(1000 + rng.random() * 60 for _ in range(400))
    records = sorted(
        ((rng.choice("abcd"), time, time + rng.random() * 4) for time in times), key=lambda record: record[2]
    )
    stream = [(host, time) for host, time, _ in records] + [("z", 2000.0), ("z", 2000.0)]
    whole = messages([stream], rule, 1)
    assert len(whole) > 10
    for shards in (1, 3):
        # Both partitions are in each batch, so neither is idle.
        cuts = sorted(rng.sample(range(2, len(stream) - 2, 2), 12))
        parts = [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
        assert messages(parts, rule, shards) == whole
