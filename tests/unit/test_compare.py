"""What one version of a rule finds and another does not."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from logpipeline.compare.detections import WINDOWS, compare, compare_metric, detections
from logpipeline.results import WindowResult
from logpipeline_console.windows import episodes

SIZE, GAP = 20, 5


def windows(*given: tuple[str, int, float]) -> pl.DataFrame:
    return pl.DataFrame([(key, start, start + SIZE, value) for key, start, value in given], WINDOWS, orient="row")


def found(*given: tuple[str, int, float]) -> pl.DataFrame:
    return detections(windows(*given), GAP)


def test_windows_near_each_other_are_one_detection() -> None:
    rows = found(("x", 10, 3), ("x", 0, 1), ("x", 5, 9), ("x", 16, 2), ("y", 11, 4)).rows()
    assert rows == [("x", 0, 20, 30, 3, 9.0), ("x", 16, 36, 36, 1, 2.0), ("y", 11, 31, 31, 1, 4.0)]


@given(st.lists(st.tuples(st.sampled_from("xy"), st.integers(0, 60)), unique=True, max_size=30))
def test_detections_are_the_episodes_of_the_console(places: list[tuple[str, int]]) -> None:
    rows = found(*((key, start, float(start)) for key, start in places)).rows()
    expected = [
        (key, one.first, one.windows[0].end, one.last, len(one.windows), max(w.value for w in one.windows))
        for key in "xy"
        for one in episodes([WindowResult((key,), s, s + SIZE, float(s), 1) for k, s in places if k == key], GAP)
    ]
    assert rows == expected


@pytest.mark.parametrize(
    ("a", "b", "only_a", "only_b", "moved", "same"),
    [
        ([], [], [], [], [], 0),
        ([("x", 0, 11)], [("x", 0, 11)], [], [], [], 1),
        ([("x", 0, 11)], [], ["x"], [], [], 0),
        ([], [("x", 0, 11)], [], ["x"], [], 0),
        ([("x", 0, 11)], [("y", 0, 11)], ["x"], ["y"], [], 0),
        ([("x", 0, 11)], [("x", 20, 11)], ["x"], ["x"], [], 0),
        ([("x", 0, 11)], [("x", 19, 11)], [], [], [19], 0),
        ([("x", 3, 11), ("x", 8, 11)], [("x", 0, 11)], [], [], [-3], 0),
        # One of A is two of B: the first of them is the one that counts, and the other is of the same matter.
        ([("x", 0, 11), ("x", 5, 9), ("x", 10, 9)], [("x", 0, 11), ("x", 10, 9)], [], [], [], 1),
        ([("x", 0, 11), ("x", 10, 9)], [("x", 2, 11), ("x", 7, 11), ("x", 12, 9)], [], [], [2], 0),
    ],
)
def test_two_rules_over_the_same_history(
    a: list[Any], b: list[Any], only_a: list[str], only_b: list[str], moved: list[int], same: int
) -> None:
    difference = compare(found(*a), found(*b))
    assert difference.only_a["key"].to_list() == only_a
    assert difference.only_b["key"].to_list() == only_b
    assert difference.moved["seconds"].to_list() == moved
    assert difference.same == same


def test_two_metrics() -> None:
    difference = compare_metric(
        windows(("x", 0, 1), ("x", 20, 5), ("y", 0, 3)), windows(("x", 0, 1), ("x", 20, 2), ("z", 0, 3))
    )
    assert (difference.only_a, difference.only_b, difference.same) == (1, 1, 1)
    assert difference.changed.rows() == [("x", 20, 5.0, 2.0)]
