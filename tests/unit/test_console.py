"""What the console makes of results and answers, and whom it lets ask what."""

from __future__ import annotations

import random
from typing import Any

import pytest

from logpipeline.api import LogPipeline
from logpipeline.progress import GoalProgress, TableProgress
from logpipeline.results import MalformedResultError, WindowResult, read_result
from logpipeline_console.evidence import BadRequestError, asked
from logpipeline_console.goals import ShownGoal, goals_of
from logpipeline_console.path import Known, facts_of, links_of, parts_of
from logpipeline_console.reports import listed
from logpipeline_console.windows import Windows, episodes, peaks
from pipelines import a_pipeline

GOALS = [{"name": "client-rate", "preset": "client-rate"}, {"name": "host-latency", "preset": "host-latency"}]
SINK: dict[str, Any] = {"elasticsearch": {"managed": {}}}


def pipeline(**spec: Any) -> LogPipeline:
    return a_pipeline(**{"goals": GOALS, "sink": SINK, **spec})


def goal() -> ShownGoal:
    return goals_of(pipeline())[0]


def window(start: int, key: str = "10.0.0.1", value: float = 11) -> WindowResult:
    return WindowResult((key,), start, start + 20, value, 1)


@pytest.mark.parametrize(
    ("starts", "runs"),
    [
        ([], []),
        ([100], [(100, 120, 1)]),
        ([100, 101, 102], [(100, 122, 3)]),
        # slide 1 s and quietPeriod 10 s: eleven seconds on is the same, twelve another.
        ([100, 111], [(100, 131, 2)]),
        ([100, 112], [(100, 120, 1), (112, 132, 1)]),
    ],
)
def test_windows_that_follow_each_other_are_one_episode(starts: list[int], runs: list[tuple[int, int, int]]) -> None:
    found = episodes([window(start) for start in starts], goal().gap)
    assert [(one.first, one.last, len(one.windows)) for one in found] == runs


def test_what_is_shown_depends_on_no_order_and_no_repetition() -> None:
    results = [window(start, key) for start in range(100, 160, 3) for key in ("10.0.0.1", "10.0.0.2")]
    in_order, shuffled = Windows(goal(), 1000), Windows(goal(), 1000)
    for result in results:
        in_order.add(result)
    for result in random.Random(5).sample(results * 3, len(results) * 3):
        shuffled.add(result)
    assert in_order.episodes(10) == shuffled.episodes(10)
    assert in_order.version == shuffled.version == len(results)


def test_the_newest_windows_are_kept_and_what_is_dropped_is_said() -> None:
    store = Windows(goal(), most=3)
    for start in (100, 200, 300, 400, 500):
        store.add(window(start, key=str(start)))
    found, total = store.episodes(2)
    assert [one.first for one in found] == [500, 400]
    assert (total, store.dropped) == (3, 2)


def test_a_series_has_the_highest_keys_and_no_value_where_there_is_no_window() -> None:
    store = Windows(goals_of(pipeline())[1], 100)
    for start, key, value in ((0, "a", 1.0), (60, "a", 3.0), (60, "b", 2.0), (60, "c", 1.0), (0, "old", 9.0)):
        store.add(WindowResult((key,), start, start + 60, value, 1))
    assert store.series(most_keys=2, most_times=10) == {
        "times": [0, 60],
        "keys": [["a"], ["b"]],
        "rows": [[1.0, 3.0], [None, 2.0]],
        "of": 4,
    }


def test_an_episode_is_open_until_the_watermark_has_passed_what_could_belong_to_it() -> None:
    (episode,) = episodes([window(100)], goal().gap)
    assert [episode.document(goal(), watermark)["open"] for watermark in (None, 130.9, 131.0)] == [None, True, False]
    assert peaks([1, 5, 2, 2, 9], 2) == [5, 9]


@pytest.mark.parametrize(
    ("message", "fault"),
    [
        (b"{", "is not JSON"),
        (b'{"goal": "other"}', "is no result of client-rate"),
        (b'{"goal": "client-rate"}', "has no"),
    ],
)
def test_a_message_that_is_no_result_says_why(message: bytes, fault: str) -> None:
    with pytest.raises(MalformedResultError, match=fault):
        read_result(goal().rule, message)


RUNNING = {
    "client-rate": GoalProgress("client-rate", "running", offset_total=900, input_records_per_second=10.0),
    "host-latency": GoalProgress("host-latency", "waiting", offset_total=1000, error="no disk"),
}
TABLES = {
    "raw": TableProgress(table="raw", state="running", offset_total=900),
    "results": TableProgress(table="results", state="running"),
}
FULL = {**TABLES, "results": TableProgress(table="results", state="waiting", error="no disk")}
RATES = {"kafka": 10.0, "connect": 10.0, "elasticsearch": 0.0, "invalid": 0.0}


@pytest.mark.parametrize(
    ("known", "states"),
    [
        (
            Known(),
            {"kafka": "unknown", "goal client-rate": "unknown", "connect": "unknown", "elasticsearch": "unknown"},
        ),
        (
            Known(produced=1000, goals=RUNNING, tasks=(2, 2), indexed=7, rates=RATES, committed_lag=0),
            {
                "source": "running",
                "kafka": "running",
                "goal client-rate": "running",
                "goal host-latency": "failed",
                "connect": "running",
                "elasticsearch": "idle",
            },
        ),
        # 601 records are more than a minute of ten a second.
        (Known(produced=1501, goals=RUNNING, rates=RATES), {"goal client-rate": "behind"}),
        (Known(produced=1500, goals=RUNNING, rates=RATES), {"goal client-rate": "running"}),
        (Known(tasks=(2, 2), rates=RATES, committed_lag=601), {"connect": "behind"}),
        (Known(tasks=(1, 2), rates=RATES), {"connect": "starting"}),
        (Known(tasks=(1, 2), task_fault="no space", rates=RATES), {"connect": "failed"}),
        (Known(produced=1000, tables=TABLES, rates=RATES), {"lake": "running"}),
        (Known(produced=1501, tables=TABLES, rates=RATES), {"lake": "behind"}),
        (Known(produced=1000, tables=FULL, rates=RATES), {"lake": "failed"}),
        (Known(faults={"lake": "refused"}), {"lake": "not answering"}),
        (
            Known(indexed=7, rates=RATES, faults={"elasticsearch": "Connection refused", "goals 0": "refused"}),
            {"elasticsearch": "not answering", "goal client-rate": "not answering", "kafka": "running"},
        ),
    ],
)
def test_a_part_is_as_its_newest_answer_says(known: Known, states: dict[str, str]) -> None:
    whole = pipeline(lake={})
    parts = parts_of(whole, goals_of(whole))
    facts = facts_of(parts, known)
    assert {part: facts[part].state for part in states} == states


def test_links_lead_from_a_part_to_a_later_one() -> None:
    whole = pipeline(alerting={"webhook": {"url": "http://hook"}}, lake={})
    parts = parts_of(whole, goals_of(whole))
    column = {part.id: part.column for part in parts}
    links = links_of(parts, goals_of(whole))
    assert {one for link in links for one in link} == set(column)
    assert all(column[begin] < column[end] for begin, end in links)
    assert ("goal client-rate", "alerts") in links
    assert ("goal host-latency", "alerts") not in links


QUESTION = {"goal": "client-rate", "key": "10.0.0.1", "start": "100", "end": "120"}


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"goal": "none"}, "goal: there is none called 'none'; there is client-rate, host-latency"),
        ({"key": None}, "key: give it once for each of client_ip"),
        ({"start": "soon"}, "start: 'soon' is not a whole number"),
        ({"end": None}, "end: '' is not a whole number"),
        ({"end": "100"}, "end: is not after start"),
        ({"records": "501"}, "records: 501 is not from 0 to 500"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused_with_the_reason(changes: dict[str, Any], fault: str) -> None:
    goals = {one.rule.name: one for one in goals_of(pipeline())}
    given = {name: value for name, value in (QUESTION | changes).items() if value is not None}
    with pytest.raises(BadRequestError, match=fault):
        asked(given.items(), goals)


def test_only_pages_of_a_report_are_linked() -> None:
    page = {"report": "daily", "first": "2024-05-01T00", "last": "2024-05-01T23", "bytes": 2048}
    path = "daily/2024-05-01T00--2024-05-01T23.html"
    answer = [{**page, "path": path}, {**page, "path": "javascript:alert(1)"}, {**page, "path": "../../x.html"}]
    (found,) = listed(answer)
    assert (found["path"], found["size"]) == (path, "2.0 KiB")
    with pytest.raises(KeyError):
        listed([{"path": path}])
