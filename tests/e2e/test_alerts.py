"""From an offender in the traffic to a person: goal, alert bridge, two real Alertmanagers, one notification an episode."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime

import pytest

from alertmanagers import Alertmanagers
from installation import Operator
from kubectl import Namespace, wait_for
from pipelines_on_cluster import Pipeline, resource

SLIDE, QUIET, SIZE = 1, 10, 20
ENOUGH = 8


@pytest.fixture(scope="module")
def alerted(operator: Operator, new_namespace: Callable[[str], Namespace]) -> tuple[Pipeline, Alertmanagers]:
    namespace = new_namespace("alerts")
    alertmanagers = Alertmanagers(namespace)
    source = {
        "topic": {"partitions": 4},
        "allowedLateness": "5s",
        "generator": {"ratePerSecond": 100, "offendersEvery": "4s"},
    }
    alerting = {"alertmanager": {"url": alertmanagers.url}}
    pipeline = Pipeline(namespace, resource("alerted", "client-rate", source=source, alerting=alerting))
    pipeline.apply()
    alertmanagers.start()
    pipeline.wait("Ready")
    return pipeline, alertmanagers


def episodes(pipeline: Pipeline) -> dict[tuple[str, float], float]:
    """What the results say: by client and beginning of its first window, the end of its last one."""
    windows = sorted(
        (result["client_ip"], datetime.fromisoformat(result["window_start"]).timestamp())
        for result in (
            json.loads(message.value or b"")
            for message in pipeline.toolbox.topic(pipeline.bootstrap, pipeline.topic("client-rate"))
        )
    )
    found: dict[tuple[str, float], float] = {}
    current = ("", 0.0)
    for client, start in windows:
        if client != current[0] or start > found[current] - SIZE + SLIDE + QUIET:
            current = client, start
        found[current] = start + SIZE
    return found


def told(alertmanagers: Alertmanagers) -> Counter[tuple[str, float, str]]:
    return Counter((one.labels["client_ip"], one.starts, one.status) for one in alertmanagers.notifications())


def test_each_episode_is_told_once_though_the_bridge_is_killed(alerted: tuple[Pipeline, Alertmanagers]) -> None:
    pipeline, alertmanagers = alerted

    def firing() -> int:
        return sum(status == "firing" for _, _, status in told(alertmanagers))

    wait_for("the first alert", lambda: firing() > 0, 120, every=2)
    before = firing()
    (bridge,) = pipeline.pods("alert-bridge")
    pipeline.namespace.delete("pod", bridge["metadata"]["name"], "--grace-period=0", "--force")
    pipeline.wait("Ready")
    wait_for("more alerts", lambda: firing() >= before + ENOUGH, 300, every=2)
    # What has ended so long ago is resolved: lateness, quiet period, a batch of the goal, and Alertmanager's interval.
    time.sleep(60)
    settled = time.time() - 50
    expected = {episode for episode, end in episodes(pipeline).items() if end < settled}
    found = told(alertmanagers)
    assert len(expected) >= ENOUGH
    for client, start in expected:
        assert (found[client, start, "firing"], found[client, start, "resolved"]) == (1, 1), (client, start)
    labels = alertmanagers.notifications()[0].labels
    wanted = {"alertname": "LogPipelineDetection", "severity": "warning", "pipeline": "alerted", "goal": "client-rate"}
    assert wanted.items() <= labels.items()
    assert labels["namespace"] == pipeline.namespace.name
    # Both peers know the same: whoever is left alone goes on.
    wait_for("both to know the same", lambda: len({frozenset(known) for known in alertmanagers.known()}) == 1, 60)


def test_without_traffic_there_is_nothing_to_tell(alerted: tuple[Pipeline, Alertmanagers]) -> None:
    pipeline, alertmanagers = alerted
    pipeline.patch("/spec/source/generator/offendersEvery", "0s", op="replace")
    wait_for("the generator to be replaced", lambda: len(pipeline.pods("generator")) == 1, 60)
    pipeline.wait("Ready")
    # An offender that was on its way is told still.
    time.sleep(30)
    before = {one for one in told(alertmanagers) if one[2] == "firing"}
    time.sleep(30)
    assert {one for one in told(alertmanagers) if one[2] == "firing"} == before
