"""What a goal's process tells: progress from Spark's events, and by its pulse whether it lives and is ready."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from logpipeline.progress import read_progress
from logpipeline_spark.batch_report import BatchReport, read_report
from logpipeline_spark.checkpoint import Committed, offsets_of, read_offsets
from logpipeline_spark.health import stall_limit
from logpipeline_spark.metrics import BoardCollector
from logpipeline_spark.progress import Board, Goal
from logpipeline_spark.serving import serve

LIMIT = 120.0


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def batch(number: int, end: int, latest: int, records: int | None = 10) -> BatchReport:
    observed = {"records": records, "late": 1, "invalid": 0, "incomplete": 0, "results": 2, "state_rows": 5}
    observed |= {"shortened": 3, "dropped": 4}
    observed |= {"state_bytes": 99, "arrival_ms": 1_700_000_000_000, "watermark": 1_699_999_990}
    source = {"endOffset": {"raw": {"0": end, "1": 7}}, "latestOffset": {"raw": {"0": latest, "1": 7}}}
    progress = {
        "name": "rate",
        "batchId": number,
        "batchDuration": 500,
        "inputRowsPerSecond": 20.0,
        "sources": [source],
    }
    return read_report(json.dumps({**progress, "observedMetrics": {"goal": observed}}))


STARTED = SimpleNamespace(id="1", name="rate")
IDLE = TERMINATED = SimpleNamespace(id="1")


def happened(board: Board, clock: Clock, events: list[tuple[float, str]]) -> None:
    """Tell the board what happens at seconds since the start."""
    begin = clock.now
    for second, event in events:
        clock.now = begin + second
        match event:
            case "started":
                board.onQueryStarted(STARTED)  # type: ignore[arg-type]
            case "batch":
                board.onQueryProgress(batch(1, 10, 30))
            case "idle":
                board.onQueryIdle(IDLE)  # type: ignore[arg-type]
            case "terminated":
                board.onQueryTerminated(TERMINATED)  # type: ignore[arg-type]
            case "failed":
                board.failed("rate", "broken")
            case "restarted":
                board.restarted("rate")
            case "host":
                board.host_lives()
            case "ended":
                board.host_ended()
            case _:
                assert event == "now"


@pytest.mark.parametrize(
    ("events", "stalled", "ready"),
    [
        # Before anything runs there is nothing to stall: Kafka may come later.
        ([(900, "now")], None, False),
        ([(0, "started"), (119, "now")], None, False),
        ([(0, "started"), (121, "now")], "goal rate has made no progress for 121 s", False),
        ([(0, "started"), (10, "batch"), (129, "now")], None, True),
        ([(0, "started"), (10, "batch"), (131, "now")], "goal rate has made no progress for 121 s", True),
        # Idle is at work: Spark tells of it every second.
        ([(0, "started"), (100, "idle"), (219, "now")], None, True),
        ([(0, "started"), (100, "idle"), (221, "now")], "goal rate has made no progress for 121 s", True),
        # A query that failed waits for its next start, which is the host's affair.
        ([(0, "started"), (5, "batch"), (9, "terminated"), (9.1, "failed"), (500, "now")], None, False),
        ([(0, "started"), (9, "terminated"), (9.1, "failed"), (40, "restarted"), (41, "started"), (150, "now")], None, False),
        ([(0, "started"), (9, "failed"), (40, "restarted"), (41, "started"), (170, "now")], "goal rate has made no progress for 129 s", False),
        ([(0, "started"), (9, "failed"), (41, "started"), (50, "idle"), (60, "now")], None, True),
        ([(0, "host"), (121, "now")], "the host has made no progress for 121 s", False),
        ([(0, "host"), (60, "host"), (121, "now")], None, False),
        ([(0, "host"), (1, "started"), (2, "ended"), (500, "now")], None, False),
    ],
)  # fmt: skip
def test_a_goal_that_is_at_work_and_shows_no_progress_has_stalled(
    events: list[tuple[float, str]], stalled: str | None, ready: bool
) -> None:
    clock = Clock()
    board = Board("web", {"rate": Goal()}, clock=clock)
    happened(board, clock, events)
    assert board.stalled(LIMIT) == ([stalled] if stalled else [])
    assert (board.not_running() == []) is ready


@pytest.mark.parametrize(("trigger", "limit"), [(1, 120), (12, 120), (30, 300)])
def test_a_slow_trigger_is_given_more_time(trigger: int, limit: int) -> None:
    assert stall_limit(timedelta(seconds=trigger)) == limit


def told(board: Board) -> dict[str, Any]:
    document = json.loads(json.dumps(board.as_json()))
    assert document["pipeline"] == "web"
    assert read_progress(document)[0].goal == "rate"
    goal: dict[str, Any] = document["goals"][0]
    return goal


def test_progress_tells_where_a_goal_is() -> None:
    board = Board("web", {"rate": Goal()})
    board.onQueryStarted(STARTED)  # type: ignore[arg-type]
    board.onQueryProgress(batch(4, 10, 30))
    first = told(board)
    expected = {"state": "running", "batch": 4, "offsets": {"0": 10, "1": 7}, "offset_total": 17, "lag_records": 20}
    expected |= {"input_records_per_second": 20.0, "watermark": "2023-11-14T22:13:10Z", "records_total": 10}
    assert {key: first[key] for key in expected} == expected
    board.onQueryProgress(batch(5, 30, 30))
    board.onQueryIdle(IDLE)  # type: ignore[arg-type]
    idle = told(board)
    expected |= {"batch": 5, "offsets": {"0": 30, "1": 7}, "offset_total": 37, "lag_records": 0, "lag_seconds": 0.0}
    expected |= {"input_records_per_second": 0.0, "records_total": 20}
    assert {key: idle[key] for key in expected} == expected


def test_progress_goes_on_from_what_the_checkpoint_holds() -> None:
    board = Board("web", {"rate": Goal()})
    board.waiting("topic 'raw' cannot be read")
    assert told(board)["error"] == "topic 'raw' cannot be read"
    board.waiting(None)
    board.note("rate", rule={"aggregate": "count"}, checkpoint="/checkpoint/rate.v2", state_version=2)
    board.resumes("rate", Committed(9, {"0": 5}, 1_700_000_000.25))
    before = told(board)
    assert before["error"] is None
    expected = {
        "state": "starting",
        "checkpoint": "/checkpoint/rate.v2",
        "state_version": 2,
        "batch": 9,
        "offset_total": 5,
    }
    expected |= {"last_batch_time": "2023-11-14T22:13:20Z", "rule": {"aggregate": "count"}}
    assert {key: before[key] for key in expected} == expected


@pytest.mark.parametrize(
    ("error", "refused", "failed"),
    [
        ("java.io.FileNotFoundException: /checkpoint/rate/offsets/9 (Permission denied)", False, True),
        ("java.io.IOException: No space left on device\n\tat java.base", False, True),
        ("window.size changed", True, True),
        ("KafkaException: the broker is not there\n/opt/checkpoint.py", False, False),
    ],
)
def test_a_goal_whose_checkpoint_is_at_fault_says_so_until_it_reads_again(
    error: str, refused: bool, failed: bool
) -> None:
    board = Board("web", {"rate": Goal()})
    board.note("rate", rule={"aggregate": "count"}, checkpoint="/checkpoint/rate", state_version=1)
    board.failed("rate", error, of_checkpoint=refused)
    board.restarted("rate")
    board.onQueryStarted(STARTED)  # type: ignore[arg-type]
    assert told(board)["checkpoint_failed"] is failed
    board.onQueryProgress(batch(4, 10, 30))
    assert told(board)["checkpoint_failed"] is False


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (
            "Job aborted due to stage failure: Task 1 in stage 16.0 failed 1 times, most recent failure: Lost task 1.0 in"
            " stage 16.0 (TID 33) (localhost executor driver): org.apache.kafka.common.errors.TimeoutException: Timeout"
            " of 10000ms expired before the position for partition raw-1 could be determined\n\nDriver stacktrace:",
            "org.apache.kafka.common.errors.TimeoutException: Timeout of 10000ms expired before the position for"
            " partition raw-1 could be determined",
        ),
        (
            "Job aborted due to stage failure: Task 0 in stage 2.0 failed 4 times, most recent failure: Lost task 0.3 in"
            " stage 2.0 (TID 9) (10.244.0.9 executor 2): java.io.IOException: (TID 3) (x): no",
            "java.io.IOException: (TID 3) (x): no",
        ),
        ("\nthe query ended by itself\n", "the query ended by itself"),
    ],
)
def test_an_error_is_told_by_its_cause_not_by_the_task_that_met_it(error: str, line: str) -> None:
    board = Board("web", {"rate": Goal()})
    board.failed("rate", error)
    assert told(board)["error"] == line


@pytest.mark.parametrize(
    ("text", "offsets"),
    [('{"raw":{"0":3,"10":4}}', {"0": 3, "10": 4}), ("", None), ("None", None)],
)
def test_offsets_are_read_as_spark_writes_them(text: str, offsets: dict[str, int] | None) -> None:
    assert offsets_of(text) == offsets
    if offsets is not None:
        assert read_offsets(f'v1\n{{"batchWatermarkMs":0}}\n{text}\n') == offsets


@pytest.mark.parametrize(
    "entry", ["", "v1\n", 'v1\n{"batchWatermarkMs":0}\n', 'v1\n{}\n{"raw":{"0":3,', '{}\n{}\n{"raw":{"0":3}}']
)
def test_half_an_entry_of_an_offset_log_is_none(entry: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_offsets(entry)


def answer(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_the_probes_answer_by_status_and_say_why() -> None:
    clock = Clock()
    board = Board("web", {"rate": Goal()}, clock=clock)
    server = serve(board, BoardCollector(board), "127.0.0.1", 0, stall_limit=LIMIT)
    url = f"http://127.0.0.1:{server.port}"
    try:
        assert answer(f"{url}/healthz") == (200, "ok\n")
        assert answer(f"{url}/readyz") == (503, "goal rate is starting\n")
        happened(board, clock, [(0, "started"), (1, "batch")])
        assert answer(f"{url}/readyz") == (200, "ok\n")
        clock.now += 200
        assert answer(f"{url}/healthz") == (503, "goal rate has made no progress for 200 s\n")
        status, metrics = answer(f"{url}/metrics")
        assert status == 200
        assert 'logpipeline_goal_lag_records{goal="rate",pipeline="web"} 20.0' in metrics
        assert answer(f"{url}/")[0] == 404
    finally:
        server.close()
