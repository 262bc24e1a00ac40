"""Results of a goal in, alerts of Alertmanager's API v2 out."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from logpipeline.api import LogPipeline, parse
from logpipeline.results import MalformedResultError
from logpipeline_alert_bridge.alerts import alert, label_names
from logpipeline_alert_bridge.detections import AlertingGoal, alerting_goals, detection
from logpipeline_alert_bridge.episodes import OVERFLOW, Detection, Episode

START = 1_659_509_511
RESULT = {
    "goal": "client-rate",
    "window_start": "2022-08-03T06:51:51Z",
    "window_end": "2022-08-03T06:52:11Z",
    "client_ip": "154.85.126.16",
    "count": 11,
}


def a_pipeline(goals: list[dict[str, Any]] | None = None, **alerting: Any) -> LogPipeline:
    spec = {
        "kafka": {"managed": {}},
        "goals": goals or [{"name": "client-rate", "preset": "client-rate"}],
        "alerting": {"alertmanager": {"url": "http://alertmanager:9093"}, **alerting},
    }
    metadata = {"name": "nginx", "namespace": "logs"}
    return parse({"apiVersion": "logpipeline.dev/v1alpha1", "kind": "LogPipeline", "metadata": metadata, "spec": spec})


def the_goal(pipeline: LogPipeline) -> AlertingGoal:
    (goal,) = alerting_goals(pipeline).values()
    return goal


def an_episode(key: tuple[str, ...] = ("154.85.126.16",), **more: Any) -> Episode:
    content = {
        "first_start": START,
        "last_start": START + 3,
        "last_end": START + 23,
        "peak": 11.0,
        "windows": 4,
        "opened_at": START + 22.0,
    }
    return Episode("client-rate", key, **{**content, **more})


def test_goals_with_a_threshold_alert() -> None:
    goals = [
        {"name": name, "preset": name} for name in ("client-rate", "host-errors", "country-success", "host-latency")
    ]
    assert list(alerting_goals(a_pipeline(goals))) == ["nginx.client-rate", "nginx.host-errors"]


def test_goals_that_compare_alert() -> None:
    compares = {"name": "jump", "preset": "status-counts", "having": {"timesPrevious": 3}}
    goals = alerting_goals(a_pipeline([compares, {"name": "counts", "preset": "status-counts"}])).values()
    assert [goal.rule.name for goal in goals] == ["jump"]


def test_a_result_is_a_detection() -> None:
    found = detection(the_goal(a_pipeline()), json.dumps(RESULT).encode(), "t", 2, 7)
    place = {"topic": "t", "partition": 2, "offset": 7}
    assert found == Detection("client-rate", ("154.85.126.16",), START, START + 20, 11.0, **place)


def test_alerts_are_told_apart_by_the_fields_that_the_goal_says() -> None:
    goal = {
        "name": "slow",
        "groupBy": ["host", "client_ip"],
        "window": {"size": "1m"},
        "aggregate": {"avg": {"field": "request_time"}},
        "having": {"greaterThan": 2},
        "alert": {"groupBy": ["host"]},
    }
    result = RESULT | {"goal": "slow", "host": "h1", "avg_request_time": 2.5}
    found = detection(the_goal(a_pipeline([goal])), json.dumps(result).encode(), "t", 0, 0)
    assert (found.key, found.value) == (("h1",), 2.5)


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        (None, "is not JSON"),
        (b"{", "is not JSON"),
        (b"[]", "is no result of client-rate"),
        (json.dumps(RESULT | {"goal": "another"}).encode(), "is no result of client-rate"),
        (json.dumps({**RESULT, "window_start": "yesterday"}).encode(), "Invalid isoformat"),
        (json.dumps({**RESULT, "window_start": 5}).encode(), "must be str"),
        (json.dumps({**RESULT, "count": None}).encode(), "float"),
        (json.dumps({key: value for key, value in RESULT.items() if key != "client_ip"}).encode(), "has no client_ip"),
    ],
)
def test_another_message_is_refused_with_its_reason(value: bytes | None, fault: str) -> None:
    with pytest.raises(MalformedResultError, match=fault):
        detection(the_goal(a_pipeline()), value, "t", 0, 0)


def test_an_open_episode_is_an_alert_with_a_lease() -> None:
    pipeline = a_pipeline()
    assert alert(pipeline, the_goal(pipeline), an_episode(), now=START + 30.5, index="nginx") == {
        "labels": {
            "alertname": "LogPipelineDetection",
            "severity": "warning",
            "namespace": "logs",
            "pipeline": "nginx",
            "goal": "client-rate",
            "client_ip": "154.85.126.16",
        },
        "annotations": {
            "summary": "client-rate: client_ip 154.85.126.16: count in 20 s above 10",
            "description": "4 windows of 20 s passed the threshold between 2022-08-03T06:51:51Z and 2022-08-03T06:52:14Z; "
            "the highest count was at least 11.",
            "value": "at least 11",
            "threshold": "10",
            "windows": "4",
            "first_window_start": "2022-08-03T06:51:51Z",
            "last_window_end": "2022-08-03T06:52:14Z",
            "rule": "count by client_ip in 20 s every 1 s, state version 1",
        },
        "startsAt": "2022-08-03T06:51:51Z",
        "endsAt": "2022-08-03T06:57:21.500Z",
    }


def test_an_alert_says_what_was_compared() -> None:
    goal = {"name": "jump", "preset": "status-counts", "having": {"timesPrevious": 3, "over": 6, "greaterThan": 50}}
    pipeline = a_pipeline([goal])
    episode = replace(an_episode(), goal="jump", key=("500",))
    annotations = alert(pipeline, the_goal(pipeline), episode, now=START, index="nginx")["annotations"]
    assert annotations["threshold"] == "50 and 3 × the mean of the 6 windows before"
    assert annotations["summary"] == f"jump: status 500: count in 300 s above {annotations['threshold']}"
    assert annotations["value"] == "11"


def test_a_closed_episode_ends_when_it_was_closed() -> None:
    pipeline = a_pipeline()
    found = alert(
        pipeline, the_goal(pipeline), an_episode(closed_at=START + 60.0, closed_by="why"), now=START + 90, index="nginx"
    )
    assert found["endsAt"] == "2022-08-03T06:52:51Z"
    assert found["annotations"]["closed_by"] == "why"


def test_records_ahead_of_the_clock_give_no_alert_that_ends_before_it_starts() -> None:
    pipeline = a_pipeline()
    found = alert(pipeline, the_goal(pipeline), an_episode(closed_at=START - 60.0), now=START - 60, index="nginx")
    assert found["endsAt"] == found["startsAt"]


def test_what_is_held_back_is_an_alert_of_its_own() -> None:
    pipeline = a_pipeline()
    found = alert(pipeline, the_goal(pipeline), an_episode(OVERFLOW, keys=3), now=START, index="nginx")
    assert found["labels"]["alertname"] == "LogPipelineDetectionsHeldBack"
    assert "client_ip" not in found["labels"]
    assert found["annotations"]["summary"] == (
        "client-rate: 50 alerts with the greatest values are open, those of 3 other keys are held back"
    )
    assert found["annotations"]["held_back"] == "3"


LONG = "GET /" + "a" * 1_000_000


@pytest.mark.parametrize(
    ("value", "label"),
    [
        ('curl/8.5 (é; 漢字) \\ "', 'curl/8.5 (é; 漢字) \\ "'),
        ("a\x1b[2J\nb", "a\\x1b[2J\\nb… "),
        ("\u202egpj.exe", "\\u202egpj.exe… "),
        (LONG, "GET /" + "a" * 237 + "… "),
        ("a" * 256, "a" * 256),
    ],
)
def test_labels_and_annotations_are_bounded_and_printable(value: str, label: str) -> None:
    pipeline = a_pipeline(consoleUrl="https://console.example/", kibanaUrl="https://kibana.example")
    found = alert(pipeline, the_goal(pipeline), an_episode((value,)), now=START, index="nginx")
    assert found["labels"]["client_ip"].startswith(label)
    assert (found["labels"]["client_ip"] == value) is (label == value)
    texts = [*found["labels"].values(), *found["annotations"].values(), found["generatorURL"]]
    assert all(text.isprintable() for text in texts)
    assert max(map(len, texts)) < 2048


def test_values_that_are_cut_stay_apart() -> None:
    pipeline = a_pipeline()
    labels = [
        alert(pipeline, the_goal(pipeline), an_episode((value,)), now=START, index="nginx")["labels"]["client_ip"]
        for value in (LONG, LONG + "b", "a\x1b", "a\\x1b")
    ]
    assert len(set(labels)) == 4


def test_an_empty_key_is_still_a_label() -> None:
    pipeline = a_pipeline()
    assert (
        alert(pipeline, the_goal(pipeline), an_episode(("",)), now=START, index="nginx")["labels"]["client_ip"] == "-"
    )


@pytest.mark.parametrize(
    ("fields", "labels"),
    [
        (("client_ip", "host"), ["client_ip", "host"]),
        (("http.host", "http_host"), ["http_host", "http_host_"]),
        (("goal", "severity"), ["field_goal", "field_severity"]),
        (("1st", "__name__", "é"), ["field_1st", "field___name__", "_"]),
    ],
)
def test_labels_are_what_prometheus_takes_and_never_ours(fields: tuple[str, ...], labels: list[str]) -> None:
    assert list(label_names(fields).values()) == labels


def test_the_link_shows_the_raw_records_whatever_the_key_holds() -> None:
    pipeline = a_pipeline(kibanaUrl="https://kibana.example/base/")
    link = alert(pipeline, the_goal(pipeline), an_episode(("a\"b'c!&#",)), now=START, index="nginx")["generatorURL"]
    head, _, state = link.partition("#/?_g=")
    assert head == "https://kibana.example/base/app/discover"
    assert state == (
        "%28time%3A%28from%3A%272022-08-03T06%3A51%3A51Z%27%2Cto%3A%272022-08-03T06%3A52%3A14Z%27%29%29"
        "&_a=%28dataSource%3A%28dataViewId%3A%27logpipeline-nginx%27%2Ctype%3AdataView%29%2Cquery%3A%28language%3Akuery%2C"
        "query%3A%27%22client_ip%22%3A%20%22a%5C%22b%21%27c%21%21%26%23%22%27%29%29"
    )


@pytest.mark.parametrize(
    ("kibana", "generator"),
    [({}, "https://console.example/"), ({"kibanaUrl": "https://kibana.example"}, "https://kibana.example/")],
)
def test_the_console_is_asked_for_the_episode(kibana: dict[str, str], generator: str) -> None:
    pipeline = a_pipeline(consoleUrl="https://console.example/", **kibana)
    told = alert(pipeline, the_goal(pipeline), an_episode(("a&b é",)), now=START, index="nginx")
    assert told["annotations"]["console"] == f"https://console.example/#goal=client-rate&at={START}&value=a%26b+%C3%A9"
    assert told["generatorURL"].startswith(generator)
    held_back = alert(pipeline, the_goal(pipeline), an_episode(OVERFLOW), now=START, index="nginx")
    assert held_back["annotations"]["console"] == "https://console.example/"
