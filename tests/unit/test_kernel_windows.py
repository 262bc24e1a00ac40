"""Windows of the kernel against the definition, record by record, window by window."""

from __future__ import annotations

import io
import math
import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import orjson
import polars as pl
import pyarrow as pa
import pytest

from logpipeline.api import Goal
from logpipeline.api.goal import RESULT_FIELDS
from logpipeline.api.source import Source
from logpipeline.kernel import cells, shard, watermark
from logpipeline.kernel.records import RecordReader, needed
from logpipeline.kernel.results import results
from logpipeline.kernel.segments import frame_from_bytes, frame_to_bytes
from logpipeline.kernel.shard import Outcome
from logpipeline.kernel.watermark import Clock, Policy
from logpipeline.kernel.windows import END, closing
from logpipeline.rules import Rule, rule_of

Record = tuple[str, str, float, float]  # client_ip, host, event time, request_time


def a_rule(**changes: object) -> Rule:
    goal = {
        "name": "g",
        "groupBy": ["client_ip"],
        "window": {"size": "20s", "slide": "1s"},
        "having": {"greaterThan": 10},
    }
    return rule_of(Goal.model_validate({**goal, **changes}))


def reference(records: list[Record], rule: Rule) -> dict[tuple[object, ...], float]:
    """The definition itself: put each record into every window it is in, then aggregate."""
    windows = defaultdict(list)
    for client, host, time, value in records:
        key = tuple({"client_ip": client, "host": host}[field] for field in rule.group_by)
        start = math.floor(time) // rule.slide * rule.slide
        while start > time - rule.size:
            windows[(*key, start)].append(value)
            start -= rule.slide
    aggregate = {
        "count": len,
        "sum": math.fsum,
        "avg": lambda values: math.fsum(values) / len(values),
        "min": min,
        "max": max,
        "p95": lambda values: sorted(values)[math.ceil(len(values) * 95 / 100) - 1],
    }[rule.aggregate]
    found = {window: aggregate(values) for window, values in windows.items()}
    begin = math.floor(min(time for _, _, time, _ in records))
    return {
        window: value
        for window, value in found.items()
        if (rule.threshold is None or value > rule.threshold) and jumps(window, found, rule, begin)
    }


def jumps(window: tuple[Any, ...], found: dict[tuple[object, ...], float], rule: Rule, begin: int) -> bool:
    if rule.previous is None:
        return True
    *key, start = window
    before = [(*key, start - number * rule.size) for number in range(1, rule.previous.over + 1)]
    empty = [0] if rule.aggregate in ("count", "sum") else []
    values = [value for one in before for value in ([found[one]] if one in found else empty)]
    known = before[-1][-1] >= begin and values
    return bool(known) and found[window] * len(values) > rule.previous.times * math.fsum(values)


def run(batches: list[list[Record]], rule: Rule, lateness: int = 3) -> tuple[dict[tuple[object, ...], float], int, int]:
    """Results by (keys, start), the late records, and the most cells that state ever held."""
    state = shard.new_shard()
    policy = Policy(lateness * 1000, 10_000, 1)
    reader = RecordReader(Source(), needed([rule]))
    found: dict[tuple[object, ...], float] = {}
    late = most = 0
    for batch in batches:
        lines = [orjson.dumps({"client_ip": c, "host": h, "@timestamp": t, "request_time": v}) for c, h, t, v in batch]
        frame = reader.read(pa.array(lines, pa.binary()), pa.array([2 * 10**12] * len(lines)))
        counted, incomplete, _ = cells.count(frame, rule)
        assert incomplete == 0
        event_ms = frame["event_ms"].max()
        assert isinstance(event_ms, int)
        first = frame["second"].min()
        assert isinstance(first, int)
        progress = watermark.advance(state.progress, {0: Clock(event_ms, 0)}, policy, first)
        state, outcome = shard.advance(shard.from_bytes(shard.to_bytes(state), rule), counted, progress, rule)
        late, most = late + outcome.late, max(most, state.height)
        add(found, outcome, rule)
    add(found, shard.advance(state, cells.empty(rule), replace(state.progress, watermark=END), rule)[1], rule)
    return found, late, most


def add(found: dict[tuple[object, ...], float], outcome: Outcome, rule: Rule) -> None:
    for row in (row for windows in outcome.windows for row in windows.iter_rows(named=True)):
        window = (*(row[name] for name in cells.key_names(rule)), row["start"])
        assert window not in found, f"{window} came twice"
        found[window] = row["n"] if rule.field is None else row["value"]


def traffic(seed: int, jump: int = 4, base: float = 1_000_000.0) -> list[list[Record]]:
    """Batches whose disorder stays within 3 s."""
    rng = random.Random(seed)
    batches, now = [], base
    for _ in range(12):
        size = rng.choice([3, 60, 300])
        batches.append(
            [
                (rng.choice("abcdefgh"), rng.choice("xy"), now + rng.uniform(0, 3), round(rng.gammavariate(2, 0.15), 3))
                for _ in range(size)
            ]
        )
        now += rng.randint(0, jump) + 0.25
    return batches


RULES: dict[str, dict[str, Any]] = {
    "early": {},
    "final": {"emit": "final"},
    "hop 5": {"window": {"size": "30s", "slide": "5s"}, "having": {"greaterThan": 15}},
    "metric": {"window": {"size": "10s"}, "having": None},
    "two keys": {"groupBy": ["client_ip", "host"], "having": {"greaterThan": 4}},
    "sum": {"aggregate": {"sum": {"field": "request_time"}}, "having": {"greaterThan": 3}},
    "avg": {"aggregate": {"avg": {"field": "request_time"}}, "having": None, "window": {"size": "6s", "slide": "2s"}},
    "min": {"aggregate": {"min": {"field": "request_time"}}, "having": None, "window": {"size": "6s", "slide": "2s"}},
    "max": {"aggregate": {"max": {"field": "request_time"}}, "having": {"greaterThan": 0.9}},
    "p95": {"aggregate": {"p95": {"field": "request_time"}}, "having": None, "window": {"size": "6s", "slide": "3s"}},
    "jump": {"having": {"timesPrevious": 1.5, "over": 3}, "window": {"size": "2s"}},
    "jump, hop 1": {"having": {"timesPrevious": 1.5, "over": 2, "greaterThan": 4}, "window": {"size": "3s", "slide": "1s"}},
    "jump of two keys": {"groupBy": ["client_ip", "host"], "having": {"timesPrevious": 2, "over": 6}, "window": {"size": "1s"}},
    "jump against one": {"having": {"timesPrevious": 2, "over": 1}, "window": {"size": "4s", "slide": "2s"}},
    **{
        f"jump of {name}": {
            "aggregate": {name: {"field": "request_time"}},
            "having": {"timesPrevious": 1.25, "over": 3},
            "window": {"size": "2s", "slide": "1s"},
        }
        for name in ("sum", "avg", "min", "max", "p95")
    },
}  # fmt: skip


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("seed", range(4))
def test_windows_equal_the_definition(name: str, seed: int) -> None:
    rule = a_rule(**RULES[name])
    batches = traffic(seed, base=-50.0 if seed == 3 else 1_000_000.0)
    found, late, _ = run(batches, rule)
    expected = reference([record for batch in batches for record in batch], rule)
    assert late == 0
    assert found.keys() == expected.keys()
    assert expected
    for window, value in expected.items():
        assert rule.early or found[window] == pytest.approx(value, abs=1e-9), window
    if rule.early:
        assert set(found.values()) == {int(rule.threshold or 0) + 1}


@pytest.mark.parametrize("name", RULES)
def test_results_do_not_depend_on_batches(name: str) -> None:
    rule = a_rule(**RULES[name])
    records = sorted((record for batch in traffic(7) for record in batch), key=lambda record: record[2] // 1)
    whole = run([records], rule)[0]
    for size in (17, 400):
        parts = [records[start : start + size] for start in range(0, len(records), size)]
        assert run(parts, rule)[0] == whole  # to the last bit: sums are integers


@pytest.mark.parametrize("aggregate", ["sum", "avg"])
@pytest.mark.parametrize("value", [9e14, -9e14, 999_999_999_999_999.9])
@pytest.mark.parametrize("batches", [1, 20])
def test_a_sum_is_exact_however_great(aggregate: str, value: float, batches: int) -> None:
    """Of two keys, for one running total serves all keys: 20,000 values of 9e14 are more than 64 bits hold."""
    window = {"size": "20s", "slide": "10s"}
    rule = a_rule(aggregate={aggregate: {"field": "request_time"}}, having=None, window=window)
    records = [("ab"[index % 2], "x", 1000.0 + index % 10, value) for index in range(40_000)]
    found, _, _ = run([records[index::batches] for index in range(batches)], rule)
    exact = float(Decimal(value) * 20_000) if aggregate == "sum" else value
    assert found == {(key, start): exact for key in "ab" for start in (990, 1000)}


def test_sums_of_earlier_state_go_on() -> None:
    rule = a_rule(aggregate={"sum": {"field": "request_time"}}, having=None, window={"size": "20s"})
    held = pl.DataFrame({"key0": ["a"], "pane": [1000], "n": [9], "whole": [2**63 - 1], "fraction": [5 * 10**18]})
    buffer = io.BytesIO()
    held.write_ipc_stream(buffer)
    old = cells.merge(pl.concat([frame_from_bytes(buffer.getvalue())] * 2), rule)
    assert frame_from_bytes(frame_to_bytes(old)).equals(old)
    (found,) = closing(old, rule, 0, END)
    assert found["value"].to_list() == [float(2 * (2**63 - 1) + 10**9)]


@pytest.mark.parametrize(
    ("goal", "key", "requests", "starts"),
    [
        ("client-rate", "a", 10, []),
        ("client-rate", "a", 11, range(991, 1001)),
        ("host-errors", "x", 15, []),
        ("host-errors", "x", 16, range(986, 1001)),
    ],
)
def test_the_presets_at_their_thresholds(goal: str, key: str, requests: int, starts: Sequence[int]) -> None:
    """One request a second: a window holds them all when it starts early and ends late enough."""
    rule = rule_of(Goal.model_validate({"name": "g", "preset": goal, "where": []}))
    found, _, _ = run([[("a", "x", 1000.0 + i, 0.1) for i in range(requests)]], rule)
    assert set(found) == {(key, start) for start in starts}


def test_window_edges_are_start_inclusive_end_exclusive() -> None:
    rule = a_rule(window={"size": "10s"}, having=None)
    found, _, _ = run([[("a", "x", t, 0.1) for t in (1000.0, 1009.999999, 1010.0)]], rule)
    assert found == {("a", 1000): 2, ("a", 1010): 1}


def test_a_gap_of_years_costs_nothing_and_state_holds_open_windows_only() -> None:
    years = 25 * 365 * 86400.0
    batches = [[("a", "x", t, 0.1)] * 11 for t in (1000.0, years, years + 1, 2 * years)]
    found, late, most = run(batches, a_rule())
    assert (len(found), late) == (20 + 21 + 20, 0)
    assert most <= 2


def test_late_records_are_dropped_whole_and_counted() -> None:
    batches = [
        [("a", "x", 1000.0, 0.1)] * 5,
        [("a", "x", 1010.0, 0.1)] * 6,
        [("a", "x", 1006.0, 0.1), ("a", "x", 1007.0, 0.1)],
    ]
    found, late, _ = run(batches, a_rule(emit="final"), lateness=3)
    assert late == 1  # 1006 is before the watermark 1007, 1007 is not
    assert found[("a", 1000)] == 12


def test_result_is_the_contract() -> None:
    rule = a_rule(name="client-rate", groupBy=["client_ip", "status"])
    frame = pl.DataFrame({"key0": ['1|"\n\u00e9'], "key1": ["404"], "start": [1659509511], "n": [11]})
    ((key, value),) = results(frame, rule)
    assert key == '1|"\n\u00e9|404'
    assert orjson.loads(value) == {
        "goal": "client-rate",
        "window_start": "2022-08-03T06:51:51Z",
        "window_end": "2022-08-03T06:52:11Z",
        "client_ip": '1|"\n\u00e9',
        "status": 404,
        "count": 11,
    }


@pytest.mark.parametrize("aggregate", [{"count": {}}, {"avg": {"field": "bytes"}}])
def test_no_key_may_have_the_name_of_what_a_result_has_itself(aggregate: dict[str, object]) -> None:
    rule = a_rule(aggregate=aggregate, having=None)
    frame = pl.DataFrame({"key0": ["x"], "start": [0], "n": [1], "value": [1.0]})
    ((_, value),) = results(frame, rule)
    assert orjson.loads(value).keys() == {*RESULT_FIELDS, rule.value_name, *rule.group_by}
