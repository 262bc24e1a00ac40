"""What a run looks like: the live view, plain lines, the summary."""

from __future__ import annotations

import io
import shlex
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.text import Text

from logpipeline.api import Goal
from logpipeline.commands import lake_options
from logpipeline.local.facts import ComponentFacts, Facts, State, Totals
from logpipeline.local.history import history_commands
from logpipeline.local.lines import PlainScreen, changes, status_lines
from logpipeline.local.results import Result, read_result
from logpipeline.local.session import last_lines
from logpipeline.local.summary import Summary, show
from logpipeline.local.view import LiveScreen, number, picture, size
from logpipeline.progress import GoalProgress
from logpipeline.rules import rule_of
from logpipeline.terminal import Terminal

RESULT = Result("203.0.113.4", "count 11", "06:51:51–06:52:11")


def component(name: str, state: State = "running", **known: object) -> ComponentFacts:
    facts = ComponentFacts(name, state, None, address=None, pid=1, memory_bytes=300 * 2**20, restarts=0)
    return replace(facts, **known)  # type: ignore[arg-type]


def facts(**known: object) -> Facts:
    some = Facts(
        pipeline="web",
        phase="running",
        elapsed=65,
        components=[
            component("kafka", address="127.0.0.1:9092", rate=200.0),
            component("goals"),
            component("connector"),
        ],
        goals={"rate": GoalProgress("rate", "running", lag_records=12, input_records_per_second=199.5)},
        newest={"rate": [RESULT]},
        totals=Totals(kept=1234, produced=1234, invalid=2, dead_letters=1, results={"rate": 7}, indexed=1200),
        memory_bytes=3 * 2**30,
        first_detection=31.2,
    )
    return replace(some, **known)  # type: ignore[arg-type]


def text(of: Facts, width: int = 110, height: int = 40) -> str:
    output = io.StringIO()
    Terminal(file=output, width=width).print(picture(of, ["logs /state/logs"], height))
    return output.getvalue()


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "–"), (0, "0"), (0.25, "0.2"), (3.0, "3"), (9.96, "10.0"), (10.4, "10"), (1234567, "1,234,567")],
)
def test_numbers(value: float | None, shown: str) -> None:
    assert number(value) == shown


@pytest.mark.parametrize(("value", "shown"), [(None, "–"), (0, "–"), (2**20, "1 MiB"), (1536 * 2**20, "1.5 GiB")])
def test_sizes(value: int | None, shown: str) -> None:
    assert size(value) == shown


def test_the_view_shows_parts_goals_results_totals_and_where_to_look() -> None:
    shown = text(facts())
    for part in ("web", "1:05", "3.0 GiB", "first detection after 31 s", "127.0.0.1:9092", "300 MiB", "rate (7)"):
        assert part in shown
    assert "203.0.113.4" in shown
    assert "records in 1,234 · invalid 2 · indexed 1,200 · dead letters 1" in shown
    assert "logs /state/logs" in shown


def test_what_is_unknown_is_a_dash_and_never_0() -> None:
    unknown = facts(totals=None, goals={"rate": GoalProgress("rate", "starting")}, memory_bytes=0)
    assert "records in – · invalid – · indexed – · dead letters –" in text(unknown)
    row = next(line for line in text(unknown).splitlines() if line.startswith("  rate"))
    assert row.split() == ["rate", "starting", "–", "–", "–"]


def test_without_a_sink_nothing_is_said_of_an_index() -> None:
    assert "indexed" not in text(facts(components=[component("kafka")]))


@pytest.mark.parametrize(("height", "rows"), [(40, 3), (14, 2), (12, 0)])
def test_results_give_way_on_a_small_terminal(height: int, rows: int) -> None:
    results = [replace(RESULT, key=f"client-{n}") for n in range(5)]
    shown = text(facts(newest={"rate": results}), height=height)
    assert shown.count("client-") == rows
    assert rows == 0 or "client-4" in shown


HOSTILE = "[/b] [bold]x \x1b[2J\x9b\u202e\nend"
HARMLESS = r"[/b] [bold]x \x1b[2J\x9b\u202e\nend"


def test_the_views_show_data_as_it_is() -> None:
    result = replace(RESULT, key=HOSTILE)
    hostile = facts(
        components=[component("goals", "not answering", lacking=HOSTILE, address=HOSTILE)],
        goals={"rate": GoalProgress("rate", "failed", error=HOSTILE)},
        newest={"rate": [result]},
    )
    output = io.StringIO()
    terminal = Terminal(file=output, width=200, force_terminal=True)
    live = LiveScreen(terminal, [HOSTILE])
    live.update(hostile)
    live.say(HOSTILE)
    live._live.refresh()
    live.close()
    # The address, the goal's error, the result, what is lacking, the message, the hint.
    assert Text.from_ansi(output.getvalue()).plain.count(HARMLESS) >= 6
    output.truncate(0)
    PlainScreen(terminal).update(replace(hostile, elapsed=9.0))
    assert Text.from_ansi(output.getvalue()).plain.count(HARMLESS) == 3


def test_while_it_starts_the_view_says_what_it_waits_for() -> None:
    starting = facts(phase="starting", components=[component("kafka", "starting", lacking="nothing listens yet")])
    assert "waiting for kafka: nothing listens yet" in text(starting)


def test_plain_lines_tell_each_change_once() -> None:
    before = facts(components=[component("kafka", "starting"), component("goals", "waiting")], first_detection=None)
    now = facts(components=[component("kafka", address="h:1"), component("goals", "waiting")])
    assert list(changes(before, now)) == ["kafka running at h:1", "first detection after 31.2 s"]
    assert list(changes(now, now)) == []


def test_a_component_that_fails_is_told_with_its_reason() -> None:
    down = facts(components=[component("kafka", "not answering", lacking="refused")])
    assert "kafka not answering: refused" in list(changes(facts(), down))


def test_the_regular_lines_show_a_result_once() -> None:
    assert list(status_lines(facts(), {})) == [
        "records in 1,234 · invalid 2 · indexed 1,200 · dead letters 1 · lag rate 12 · memory 3.0 GiB",
        "  rate (7): 203.0.113.4  count 11  06:51:51–06:52:11",
    ]
    assert len(list(status_lines(facts(), {"rate": RESULT}))) == 1


def test_plain_lines_come_every_few_seconds_without_colour_or_control_characters() -> None:
    output = io.StringIO()
    screen = PlainScreen(Terminal(file=output, width=80))
    for elapsed in (5.0, 6.0, 7.0, 10.5):
        screen.update(facts(elapsed=elapsed))
    lines = output.getvalue().splitlines()
    assert len([line for line in lines if "records in" in line]) == 2
    assert "\x1b" not in output.getvalue()
    assert lines[0].startswith("[   5.0 s] kafka running at 127.0.0.1:9092")


def test_the_summary() -> None:
    output = io.StringIO()
    summary = Summary(facts(), ready_after=28.4, first_result=None, peak_memory=4 * 2**30, produced_in_run=234)
    show(Terminal(file=output, width=80), summary)
    rows = dict(
        line.rsplit(maxsplit=1)
        for line in output.getvalue().splitlines()
        if "after" not in line and "memory" not in line
    )
    assert {key.strip(): value for key, value in rows.items()} == {
        "records produced": "1,234",
        "in this run": "234",
        "invalid": "2",
        "indexed": "1,200",
        "dead letters": "1",
        "results of rate": "7",
        "restarts": "0",
    }
    assert "28.4 s" in output.getvalue()


RATE = rule_of(Goal.model_validate({"name": "rate", "preset": "client-rate"}))
LATENCY = rule_of(Goal.model_validate({"name": "latency", "preset": "host-latency"}))
WINDOW = b'"window_start":"2022-08-03T06:51:51Z","window_end":"2022-08-03T06:52:11Z"'


@pytest.mark.parametrize(
    ("rule", "value", "expected"),
    [
        (RATE, b'{"goal":"rate",%s,"client_ip":"203.0.113.4","count":11}' % WINDOW, RESULT),
        (
            LATENCY,
            b'{"goal":"latency",%s,"host":"a","avg_request_time":0.28912,"count":3}' % WINDOW,
            Result("a", "avg_request_time 0.289", "06:51:51–06:52:11"),
        ),
        (RATE, b'{"goal":"rate",%s,"count":1234}' % WINDOW, Result("k", "count 1,234", "06:51:51–06:52:11")),
        (RATE, b"{}", None),
        (RATE, b"not JSON", None),
        (RATE, b"[]", None),
    ],
)
def test_a_result_as_it_is_shown(rule: object, value: bytes, expected: Result | None) -> None:
    assert read_result(rule, b"k", value) == expected  # type: ignore[arg-type]


def test_the_end_of_a_log(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(b"".join(b"line %d\n" % n for n in range(100)) + b"\xff end")
    assert last_lines(path, 2) == ["line 99", "\ufffd end"]
    assert last_lines(tmp_path / "none") == []


def test_what_to_try_finds_the_lake_of_the_run() -> None:
    options = shlex.join(lake_options(Path("my demo.yaml"), Path("/state"), None))
    since, until = datetime(2026, 11, 30, 23, 59, tzinfo=UTC), datetime(2026, 12, 1, 0, 3, tzinfo=UTC)
    asked, report, backtest = history_commands(options, since, until)
    assert asked.startswith("logpipeline sql -f 'my demo.yaml' --state /state \"select ")
    assert report == f"logpipeline report {options} --lake 2026-11-30 2026-12-01T23:00 --output report.html"
    assert backtest == f"logpipeline backtest {options} --lake 2026-11-30 2026-12-01T23:00 --output results/"
