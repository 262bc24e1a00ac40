"""What only several looks tell, with a clock of the test's own."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from logpipeline_operator.observe.facts import KafkaFacts
from logpipeline_operator.observe.trends import Series, Trends


def test_a_rate_is_of_the_last_minute() -> None:
    records = Series(60.0)
    for second in range(0, 300, 10):
        records.add(float(second), second * 10.0 if second < 150 else 1500.0 + (second - 150) * 200.0)
    assert records.rate == pytest.approx(200.0)
    assert records.span <= 70.0


def test_one_look_knows_no_rate_and_a_counter_that_begins_anew_none_either() -> None:
    records = Series(60.0)
    records.add(0.0, 500.0)
    assert records.rate is None
    records.add(10.0, 10.0)
    assert records.rate is None
    records.add(20.0, 110.0)
    assert records.rate == pytest.approx(10.0)


def test_unknown_is_passed_over() -> None:
    records = Series(60.0)
    for second, value in enumerate((0, None, 20)):
        records.add(float(second), value)
    assert records.rate == pytest.approx(10.0)


@pytest.mark.parametrize(
    ("lag", "expected"),
    [
        pytest.param(lambda t: 1000 + 10 * t, False, id="grows"),
        pytest.param(lambda _: 10_000, False, id="stays"),
        pytest.param(lambda t: 10_000 - 20 * t, True, id="shrinks"),
        pytest.param(lambda t: 5000 - 20 * t + (t % 20) * 100, True, id="shrinks, up and down with each batch"),
        pytest.param(lambda t: 0 if t == 120 else 10_000, True, id="is gone"),
    ],
)
def test_a_goal_catches_up_when_its_lag_shrinks(lag: Callable[[int], int], expected: bool) -> None:
    trends = Trends()
    seen = []
    for second in range(0, 121, 10):
        trends.add_goal(float(second), "a", offset=second, lag=lag(second))
        seen.append(trends.goal_catches_up("a"))
    assert seen[0] is None
    assert seen[-1] is expected


def test_a_goal_stands_still_only_while_there_is_something_to_read() -> None:
    trends = Trends()
    for second in range(0, 200, 10):
        trends.add_goal(float(second), "a", offset=70, lag=0 if second < 100 else 5)
    assert trends.goal_still("a", 190.0) == 100.0
    trends.add_goal(200.0, "a", offset=75, lag=5)
    assert trends.goal_still("a", 200.0) == 0.0


def test_shares_are_of_the_newest_records_and_not_of_few() -> None:
    trends = Trends()
    trends.add(0.0, KafkaFacts(records=10_000, invalid=9_000, dead_letters=9_000))
    trends.add(10.0, KafkaFacts(records=10_050, invalid=9_025, dead_letters=9_000))
    assert trends.share("invalid") is None
    trends.add(20.0, KafkaFacts(records=10_200, invalid=9_050, dead_letters=9_000))
    assert (trends.share("invalid"), trends.share("dead letters")) == (0.25, 0.0)
