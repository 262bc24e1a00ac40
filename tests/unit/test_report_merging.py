"""What is counted of the parts of a history, merged, is what is counted of the whole."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from logpipeline.kernel.columns import SCHEMA
from logpipeline.report.counting import READ, counts
from logpipeline.report.layout import LAYOUT
from logpipeline.report.merging import merge, merged, nothing

START = datetime(2024, 5, 1, 22, tzinfo=UTC)
TYPES = {name: kind for name, kind in pl.DataFrame(SCHEMA.empty_table()).schema.items() if name in READ}
TINY = {name: dataclasses.replace(frame, bound=2, smallest=frame.smallest and 3) for name, frame in LAYOUT.items()}


def row(minute: int, *, invalid: str | None = None, **fields: Any) -> dict[str, Any]:
    moment = START + timedelta(minutes=minute)
    placed = {"event_time": None if invalid else moment, "date": moment.date(), "hour": moment.hour}
    return {**dict.fromkeys(READ), **placed, "invalid": invalid, **fields}


def frame(rows: list[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(rows, {name: TYPES[name] for name in READ})


def text(values: str) -> st.SearchStrategy[str | None]:
    return st.none() | st.sampled_from(values.split())


ROWS = st.lists(
    st.builds(
        row,
        st.integers(0, 300),
        invalid=st.none() | st.none() | st.sampled_from(["no JSON", "no time", "x" * 3000]),
        client_ip=text("a b c d e f g"),
        method=text("GET POST"),
        path=text("/ /a /b.css /c.js?x /c.js?y /d /" + "x" * 3000),
        host=text("h i j"),
        status=st.sampled_from([None, 200, 304, 404, 404, 500, 7, 10**9]),
        bytes=st.none() | st.integers(-(2**63), 2**63 - 1) | st.integers(0, 2**47),
        request_time=st.none() | st.floats() | st.floats(0, 100),
        referrer=text("http://s/x http://s/y http://t not-one"),
        user_agent=text("m n o"),
    ),
    max_size=40,
)


@settings(max_examples=20, deadline=None)
@given(ROWS, st.integers(0, 40), st.integers(0, 40))
def test_the_parts_merged_are_the_whole(rows: list[dict[str, Any]], one: int, other: int) -> None:
    whole = counts(frame(rows))
    first, second = sorted((one, other))
    a, b, c = (counts(frame(part)) for part in (rows[:first], rows[first:second], rows[second:]))
    for found in (merge([a, b, c]), merge([c, merge([b, a])]), merge([merge([a, c]), b]), merged(iter([b, c, a]))):
        assert all(found[name].equals(whole[name]) for name in LAYOUT)
        assert not found["folds"].height


@settings(max_examples=20, deadline=None)
@given(ROWS, st.integers(0, 40))
def test_totals_stay_exact_when_keys_are_folded(rows: list[dict[str, Any]], half: int) -> None:
    whole = counts(frame(rows))
    halves = [counts(frame(part), TINY) for part in (rows[:half], rows[half:])]
    found = merge(halves, TINY)
    assert all(found[name].equals(merge(halves[::-1], TINY)[name]) for name in TINY)
    at_most = dict(found["folds"].rows())
    for name, layout in LAYOUT.items():
        if name == "folds" or not layout.sums:
            continue
        for measure in layout.sums:
            assert found[name][measure].sum() == whole[name][measure].sum()
        if layout.folded:
            keys = list(layout.keys)
            assert found[name].drop_nulls(layout.folded).select(layout.folded).n_unique() <= TINY[name].bound
            both = found[name].drop_nulls(layout.folded).join(whole[name], on=keys, nulls_equal=True, suffix="_whole")
            if keys == list(layout.folded):
                weight = layout.sums[0]
                assert all(n <= m <= n + at_most.get(name, 0) for n, m in both.select(weight, f"{weight}_whole").rows())


def test_nothing_changes_nothing() -> None:
    found = counts(frame([row(0, path="/", bytes=3)]))
    assert all(merge([found, nothing()])[name].equals(found[name]) for name in LAYOUT)


def test_a_sum_does_not_overflow() -> None:
    # What a client wrote into a log may be as large as it likes.
    rows = frame([row(0, path="/", status=200, bytes=2**47)] * 4)
    found = counts(rows)
    for _ in range(20):
        found = merge([found, found])
    assert found["paths"]["bytes"].item() == 4 * 2**20 * 2**47
    assert found["numbers"].filter(pl.col("column") == "bytes")["squares"].item() == 4 * 2**20 * 2**94
