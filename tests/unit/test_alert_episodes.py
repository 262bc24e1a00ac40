"""Which detections are one alert, and when it is over."""

from __future__ import annotations

import threading
import time

import orjson
import pytest
from prometheus_client import CollectorRegistry

from logpipeline.serving import serve
from logpipeline_alert_bridge.episodes import OVERFLOW, Detection, Episode
from logpipeline_alert_bridge.ledger import (
    BY_CAP,
    BY_SILENCE,
    BY_WATERMARK,
    LEAST_OPEN_SECONDS,
    MOST_HELD_BACK,
    Ledger,
    Outcome,
    Policy,
)
from logpipeline_alert_bridge.reading import is_read
from logpipeline_alert_bridge.store import bytes_of, episode_of
from logpipeline_alert_bridge.watermarks import SILENT_SECONDS, Watermarks

SIZE, SLIDE, QUIET = 20, 1, 10
NOW = 1_800_000_000.0
LATER = NOW + LEAST_OPEN_SECONDS


def a_detection(
    start: int, key: str = "a", *, value: float = 11, offset: int | None = None, source: int = 0, topic: str = "t"
) -> Detection:
    return Detection("rate", (key,), start, start + SIZE, value, topic, source, start if offset is None else offset)


def a_ledger(*, most_open: int = 10) -> Ledger:
    return Ledger({"rate": Policy(SLIDE + QUIET, most_open)})


def only(ledger: Ledger) -> Episode:
    (episode,) = ledger
    return episode


@pytest.mark.parametrize(
    ("starts", "first_start", "last_end", "windows"),
    [
        ([100], 100, 120, 1),
        ([100, 101, 102], 100, 122, 3),
        ([100, 111], 100, 131, 2),  # just within slide and quiet period
        ([100, 112], 112, 132, 1),  # too far: the next one
        ([100, 101, 300, 301], 300, 321, 2),
        ([100, 95], 95, 120, 2),  # a key of several partitions comes in any order
    ],
)
def test_windows_that_follow_each_other_are_one_episode(
    starts: list[int], first_start: int, last_end: int, windows: int
) -> None:
    ledger = a_ledger()
    for offset, start in enumerate(starts):
        assert ledger.take(a_detection(start, offset=offset), NOW) == Outcome.TAKEN
    assert (only(ledger).first_start, only(ledger).last_end, only(ledger).windows) == (first_start, last_end, windows)


def test_the_peak_is_the_greatest_value() -> None:
    ledger = a_ledger()
    for start, value in ((100, 11.0), (101, 30.0), (102, 12.0)):
        ledger.take(a_detection(start, value=value), NOW)
    assert only(ledger).peak == 30


def test_keys_do_not_mix() -> None:
    ledger = a_ledger()
    for start, key in ((100, "a"), (101, "b"), (102, "a")):
        ledger.take(a_detection(start, key), NOW)
    assert {episode.key: episode.windows for episode in ledger} == {("a",): 2, ("b",): 1}


def test_what_is_read_again_changes_nothing() -> None:
    ledger = a_ledger()
    history = [a_detection(start) for start in (100, 101, 102)]
    for each in history:
        ledger.take(each, NOW)
    ledger.close("rate", 200, LATER)
    before = only(ledger)
    ledger.changes()
    for each in history:
        assert ledger.take(each, LATER) == Outcome.TAKEN
    assert only(ledger) == before
    assert ledger.changes() == {}


def test_what_is_read_again_from_another_partition_is_known_by_its_own_offset() -> None:
    ledger = a_ledger()
    ledger.take(a_detection(100, source=0, offset=7), NOW)
    ledger.take(a_detection(101, source=1, offset=3), NOW)
    ledger.take(a_detection(300, source=0, offset=8), NOW)
    ledger.take(a_detection(101, source=1, offset=3), NOW)
    assert (only(ledger).first_start, only(ledger).windows) == (300, 1)


@pytest.mark.parametrize("kept", [False, True])
@pytest.mark.parametrize(("topic", "windows"), [("t", 1), ("renamed", 2), ("t of another id", 2)])
def test_offsets_are_those_of_one_topic(topic: str, windows: int, *, kept: bool) -> None:
    ledger = a_ledger()
    ledger.take(a_detection(100, offset=5000), NOW)
    if kept:
        ledger = Ledger({"rate": Policy(SLIDE + QUIET, 10)}, [episode_of(bytes_of(only(ledger)))])
    ledger.take(a_detection(101, offset=3, topic=topic), NOW)
    assert only(ledger).windows == windows
    ledger.take(a_detection(101, offset=3, topic=topic), NOW)
    assert only(ledger).windows == windows


def test_what_a_former_version_has_kept_goes_on() -> None:
    content = orjson.loads(bytes_of(Episode("rate", ("a",), 100, 100, 120, 11.0, 1, NOW, "t", {0: 5000})))
    del content["topic"], content["keys"]
    ledger = Ledger({"rate": Policy(SLIDE + QUIET, 10)}, [episode_of(orjson.dumps(content))])
    ledger.take(a_detection(101, offset=3), NOW + 1)
    assert (only(ledger).windows, only(ledger).opened_at, only(ledger).offsets) == (2, NOW, {0: 3})


def test_one_that_belongs_before_the_open_episode_is_overtaken() -> None:
    ledger = a_ledger()
    ledger.take(a_detection(300, source=0), NOW)
    assert ledger.take(a_detection(100, source=1), NOW) == Outcome.OVERTAKEN
    assert only(ledger).first_start == 300


@pytest.mark.parametrize(
    ("watermark", "now", "closed_by"),
    [
        (130, LATER, None),  # a window that begins at 111 may still be told
        (131, LATER, BY_WATERMARK),
        (131, LATER - 1, None),  # Alertmanager would tell nobody
        (None, LATER, BY_SILENCE),
    ],
)
def test_an_episode_is_over_when_no_window_can_join_it(
    watermark: float | None, now: float, closed_by: str | None
) -> None:
    ledger = a_ledger()
    ledger.take(a_detection(100), NOW)
    ledger.close("rate", watermark, now)
    assert only(ledger).closed_by == closed_by
    assert only(ledger).closed_at == (None if closed_by is None else now)
    assert ledger.open("rate") == (closed_by is None)


def test_the_cap_holds_back_others_and_says_so_once() -> None:
    ledger = a_ledger(most_open=2)
    outcomes = [ledger.take(a_detection(100 + number, key), NOW) for number, key in enumerate("abcda")]
    assert outcomes == [Outcome.TAKEN, Outcome.TAKEN, Outcome.HELD_BACK, Outcome.HELD_BACK, Outcome.TAKEN]
    overflow = next(episode for episode in ledger if episode.key == OVERFLOW)
    assert (overflow.windows, overflow.first_start, overflow.state) == (2, 102, "firing")
    assert ledger.open("rate") == 2
    ledger.close("rate", 1000, LATER)
    assert {episode.state for episode in ledger} == {"resolved"}
    assert ledger.take(a_detection(2000, "c"), LATER) == Outcome.TAKEN


@pytest.mark.parametrize(
    ("real", "is_open"),
    [
        ([60.0], True),  # beyond the threshold by more than any other
        ([50.0], False),
        ([50.0, 50.0], True),  # as far, and for longer
        ([20.0, 20.0, 20.0], False),
    ],
)
def test_the_cap_is_for_the_most_severe(real: list[float], is_open: bool) -> None:
    ledger = a_ledger(most_open=50)
    for number in range(60):
        ledger.take(a_detection(100, f"spoofed {number}", value=50, offset=number), NOW)
    for step, value in enumerate(real):
        ledger.take(a_detection(101 + step, "real", value=value, offset=1000 + step), NOW + 1)
    firing = {episode.key: episode for episode in ledger if episode.state == "firing"}
    assert (("real",) in firing) is is_open
    assert ledger.open("rate") == 50
    assert firing[OVERFLOW].keys == (10 if len(real) == 1 and is_open else 11)
    displaced = [episode.closed_by for episode in ledger if episode.state == "resolved"]
    assert displaced == ([BY_CAP] if is_open else [])
    if is_open:
        assert firing["real",].windows == len(real)


def test_keys_beyond_number_cost_no_memory_beyond_number() -> None:
    ledger = a_ledger(most_open=1)
    for number in range(3 * MOST_HELD_BACK):
        ledger.take(a_detection(100, f"{number}", offset=number), NOW)
    assert sorted(episode.keys for episode in ledger) == [0, MOST_HELD_BACK]
    assert MOST_HELD_BACK <= len(ledger._held_back["rate"]) < 2 * MOST_HELD_BACK
    ledger.close("rate", 1000, LATER)
    assert not ledger._held_back["rate"]


def test_what_was_closed_is_forgotten_in_time_and_not_before() -> None:
    ledger = a_ledger()
    ledger.take(a_detection(100), NOW)
    ledger.forget(LATER + 1, untold_before=LATER + 1)
    ledger.close("rate", 1000, LATER)
    ledger.changes()
    # The webhook has not been told that it is over.
    ledger.forget(LATER + 900, untold_before=LATER)
    assert ledger.changes() == {}
    ledger.reported(only(ledger))
    ledger.changes()
    ledger.forget(LATER, untold_before=LATER)
    assert ledger.changes() == {}
    ledger.forget(LATER + 1, untold_before=LATER)
    assert ledger.changes() == {("rate", ("a",)): None}


def test_the_end_is_owed_to_a_webhook_for_a_while_and_not_for_ever() -> None:
    ledger = a_ledger()
    ledger.take(a_detection(100), NOW)
    ledger.reported(only(ledger))
    ledger.close("rate", 1000, LATER)
    ledger.forget(LATER + 900, untold_before=LATER)
    assert (only(ledger).state, only(ledger).reported) == ("resolved", "firing")
    ledger.forget(LATER + 900, untold_before=LATER + 1)
    assert not list(ledger)


def test_a_ledger_goes_on_from_what_was_kept() -> None:
    first = a_ledger(most_open=2)
    for start, key in ((100, "a"), (101, "b"), (102, "c")):
        first.take(a_detection(start, key), NOW)
    kept = [episode_of(bytes_of(episode)) for episode in first.changes().values() if episode is not None]
    second = Ledger({"rate": Policy(SLIDE + QUIET, 2)}, kept)
    assert sorted(second, key=lambda episode: episode.key) == sorted(first, key=lambda episode: episode.key)
    assert second.open("rate") == 2
    assert second.changes() == {}
    assert second.take(a_detection(101, "b"), NOW) == Outcome.TAKEN
    assert second.changes() == {}


def test_episodes_of_a_goal_that_is_gone_go_too() -> None:
    ledger = a_ledger()
    ledger.take(a_detection(100), NOW)
    assert Ledger({}, list(ledger)).changes() == {("rate", ("a",)): None}


def test_what_the_webhook_was_told_is_kept() -> None:
    ledger = a_ledger()
    ledger.take(a_detection(100), NOW)
    told = only(ledger)
    ledger.take(a_detection(101), NOW)
    # The partitions of the raw topic are read side by side: an earlier window can pass the threshold later.
    ledger.take(a_detection(99, offset=102), NOW + 1)
    ledger.reported(told)
    assert (only(ledger).reported, only(ledger).windows, only(ledger).first_start) == ("firing", 3, 99)
    ledger.take(a_detection(500), NOW + 2)
    ledger.reported(told)
    assert only(ledger).reported is None


@pytest.mark.parametrize(
    ("bounds", "places", "read"),
    [
        ({0: (0, 10)}, {0: 10}, True),
        ({0: (0, 10)}, {0: 9}, False),
        ({0: (0, 10)}, {0: 12}, True),  # what has come since does not matter
        ({0: (0, 10), 1: (0, 5)}, {0: 10, 1: 4}, False),
        ({0: (0, 10), 1: (0, 0)}, {0: 10, 1: -1001}, True),  # nothing was ever there
        ({0: (7, 7)}, {0: -1001}, True),  # all has expired
        ({0: (0, 3)}, {0: -1001}, False),  # nothing was read yet
        ({0: (0, 3)}, {}, False),
        ({}, {}, True),
    ],
)
def test_all_is_read_when_each_partition_is_read_to_its_end(
    bounds: dict[int, tuple[int, int]], places: dict[int, int], read: bool
) -> None:
    assert is_read(bounds, places) is read


def test_a_goal_that_tells_nothing_grows_old_and_silent() -> None:
    watermarks = Watermarks([])
    began = time.monotonic()
    assert watermarks.get("rate", began) == (False, None)
    assert watermarks.age("rate", began + 7) - watermarks.age("rate", began) == pytest.approx(7)
    watermarks.tell("rate", 100.0, began + 10)
    assert watermarks.get("rate", began + 11) == (True, 100.0)
    watermarks.tell("rate", 100.0, began + 200)
    assert watermarks.get("rate", began + 11 + SILENT_SECONDS) == (True, None)


def test_a_goal_that_answers_nonsense_is_asked_again() -> None:
    words = iter(["no time", "2027-01-15T08:00:00Z"])
    answer = {"goal": "rate", "state": "running"}

    def progress() -> bytes:
        return orjson.dumps({"goals": [answer | {"watermark": next(words, "2027-01-15T08:00:00Z")}]})

    server, stop = serve(CollectorRegistry(), {}, "127.0.0.1", 0, {"/progress": progress}), threading.Event()
    watermarks = Watermarks([f"http://127.0.0.1:{server.port}"])
    watermarks.start(stop)
    deadline = time.monotonic() + 10
    while watermarks.get("rate", time.monotonic())[1] != NOW and time.monotonic() < deadline:
        time.sleep(0.1)
    stop.set()
    server.close()
    assert watermarks.get("rate", time.monotonic()) == (True, NOW)
