"""What is made of the parts' answers: states, rates, restarts, totals."""

from __future__ import annotations

import pytest

from logpipeline.backoff import Backoff
from logpipeline.kafka.admin import Offsets
from logpipeline.kafka.connector import ConnectorStatus, read_status
from logpipeline.local.facts import Restarts, State, Totals, component_state, totals_of
from logpipeline.local.generator import read_counter
from logpipeline.progress import GoalProgress, read_progress
from logpipeline.rate import Rate


@pytest.mark.parametrize(
    ("begun", "was_ready", "lacking", "process", "uptime", "state"),
    [
        (False, False, "not begun", "STOPPED", None, "waiting"),
        (True, False, "nothing listens", "STOPPED", None, "starting"),
        (True, False, "nothing listens", "STARTING", 3.0, "starting"),
        (True, False, "nothing listens", "RUNNING", 90.0, "starting"),
        (True, True, None, "RUNNING", 90.0, "running"),
        (True, True, None, "STARTING", 3.0, "running"),
        (True, True, "nothing listens", "STARTING", 3.0, "starting"),
        (True, True, "nothing listens", "RUNNING", 90.0, "not answering"),
        (True, True, "nothing listens", "BACKOFF", 3.0, "restarting"),
        (True, True, "nothing listens", "EXITED", 3.0, "restarting"),
        (True, True, "nothing listens", "FATAL", 3.0, "failed"),
        (True, True, "nothing listens", "STOPPED", 90.0, "stopped"),
        (True, True, None, None, None, "running"),
        (True, False, "refused", None, None, "starting"),
        (True, True, "refused", None, None, "not answering"),
    ],
)
def test_the_state_of_a_component(
    begun: bool, was_ready: bool, lacking: str | None, process: str | None, uptime: float | None, state: State
) -> None:
    assert component_state(begun=begun, was_ready=was_ready, lacking=lacking, process=process, uptime=uptime) == state


def test_totals_count_what_is_kept_and_what_ever_was() -> None:
    offsets = {
        "raw": Offsets({0: 10, 1: 0}, {0: 60, 1: 50}),
        "invalid": Offsets({0: 0}, {0: 3}),
        "sink-dead-letters": Offsets({0: 1}, {0: 2}),
        "goal a": Offsets({0: 0}, {0: 7}),
    }
    assert totals_of(offsets, 98) == Totals(
        kept=100, produced=110, invalid=3, dead_letters=2, results={"a": 7}, indexed=98
    )
    del offsets["sink-dead-letters"]
    assert totals_of(offsets, None).dead_letters is None


def test_a_rate_is_unknown_at_first_and_then_of_the_last_seconds() -> None:
    rate = Rate(seconds=10)
    assert rate.add(0, 1000) is None
    assert rate.add(0.5, 1100) is None
    assert rate.add(2, 1200) == 100
    for now in range(3, 40):
        latest = rate.add(now, 1200)
    assert latest == 0


def test_a_rate_is_unknown_while_its_counter_is_and_starts_over_with_it() -> None:
    rate = Rate()
    rate.add(0, 1000)
    assert rate.add(5, None) is None
    assert rate.add(6, 10) is None
    assert rate.add(8, 30) == 10


def test_a_restart_is_a_new_start_time_and_the_first_start_is_none() -> None:
    restarts = Restarts()
    for started in (0.0, 100.0, 100.0, 120.0, 120.0, 140.0):
        restarts.see("kafka", started)
    assert restarts.of("kafka") == 2
    assert restarts.of("connect") == 0


def test_backoff_doubles_up_to_the_longest_and_starts_over_after_a_quiet_time() -> None:
    backoff = Backoff(first=2, longest=8)
    tries = [now for now in range(60) if backoff.due(now)]
    assert tries == [0, 2, 6, 14, 22, 30, 38, 46, 54]
    assert backoff.due(80)
    assert not backoff.due(81)
    assert backoff.due(82)


TRACE = "org.example.ConnectException: task stopped\n\tat a.B.c(B.java:1)\nCaused by: java.io.IOException: disk full\n\tat d.E"


@pytest.mark.parametrize(
    ("connector", "tasks", "expected", "healthy"),
    [
        ("RUNNING", ["RUNNING", "RUNNING"], ConnectorStatus("RUNNING", 2, 2, None), True),
        ("RUNNING", [], ConnectorStatus("RUNNING", 0, 0, None), False),
        ("RUNNING", ["RUNNING", "UNASSIGNED"], ConnectorStatus("RUNNING", 1, 2, None), False),
        ("RUNNING", ["RUNNING", "FAILED"], ConnectorStatus("RUNNING", 1, 2, "java.io.IOException: disk full"), False),
        ("FAILED", [], ConnectorStatus("FAILED", 0, 0, "java.io.IOException: disk full"), False),
        ("PAUSED", ["PAUSED"], ConnectorStatus("PAUSED", 0, 1, None), False),
    ],
)
def test_a_connectors_status_is_healthy_only_when_everything_runs(
    connector: str, tasks: list[str], expected: ConnectorStatus, healthy: bool
) -> None:
    def part(state: str) -> dict[str, str]:
        return {"state": state, **({"trace": TRACE} if state == "FAILED" else {})}

    status = read_status({"name": "c", "connector": part(connector), "tasks": [part(task) for task in tasks]})
    assert status == expected
    assert status.healthy is healthy


def test_a_goals_progress_is_read_and_what_it_does_not_say_stays_unknown() -> None:
    document = {"pipeline": "web", "goals": [{"goal": "a", "state": "running", "lag_records": 3, "new_field": 1}]}
    assert read_progress(document) == [GoalProgress("a", "running", lag_records=3)]
    assert read_progress(document)[0].records_total is None


@pytest.mark.parametrize(
    ("goal", "behind"),
    [
        (GoalProgress("a", "running"), None),
        (GoalProgress("a", "running", lag_records=3), 3),
        (GoalProgress("a", "running", lag_records=0, offset_total=90), 10),
        (GoalProgress("a", "running", lag_records=0, offset_total=120), 0),
    ],
)
def test_how_far_a_goal_is_behind_what_was_produced(goal: GoalProgress, behind: int | None) -> None:
    assert goal.behind(100) == behind


def test_a_counter_is_summed_over_its_labels() -> None:
    text = '# TYPE a counter\na_total{kind="x"} 2.0\na_total{kind="y"} 3.0\na_created 1.7e9\n'
    assert read_counter(text, "a_total") == 5
    assert read_counter(text, "b_total") is None
