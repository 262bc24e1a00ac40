"""Who watches a pipeline is told, once and in time: of what its goals find, and of what is wrong with it.

A real Prometheus with our scrape configuration, rules and dashboards, two real Alertmanagers, real faults. The tests of
this file are the life of one pipeline, in their order.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime
from functools import reduce
from typing import Any

import pytest

from faults import ALERTS, TOGETHER
from installation import Operator
from kubectl import Namespace, wait_for
from logpipeline_alert_bridge.alerts import DETECTION
from pipelines_on_cluster import Pipeline
from prometheus import FILES
from watched import NAME, Watched

SLIDE, QUIET, SIZE = 1, 10, 20
ENOUGH = 8
# A rule waits 45 s at most, made quicker; the rest is for what it looks at.
FIRES, ENDS = 240.0, 240.0


@pytest.fixture(scope="module")
def watched(
    operator: Operator, new_namespace: Callable[[str], Namespace], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Watched]:
    made = Watched(new_namespace("monitoring"), operator, tmp_path_factory.mktemp("authority"))
    try:
        made.alertmanagers.start()
        made.prometheus.start()
        made.pipeline.apply()
        made.pipeline.wait("Ready", seconds=300)
        made.pipeline.wait("FlowHealthy", seconds=120)
        yield made
    finally:
        made.prometheus.remove()


def queries(values: dict[str, str]) -> list[tuple[str, str]]:
    """Each query of the dashboards with its place, `values` in the place of its variables."""
    return [
        (f"{file.stem}: {panel['title']}", reduce(lambda text, one: text.replace(*one), values.items(), target["expr"]))
        for file in sorted((FILES / "dashboards").iterdir())
        for panel in json.loads(file.read_text())["panels"]
        for target in panel.get("targets", [])
    ]


def test_every_part_is_watched_and_every_query_of_the_dashboards_answers(watched: Watched) -> None:
    parts = {"kafka", "connect", "goal", "generator", "alert-bridge"}

    def scraped() -> bool:
        up = watched.prometheus.query(f'up{{pipeline="{NAME}"}} == 1')
        pods = [pod for part in parts for pod in watched.pipeline.pods(part)]
        return {one["metric"]["pod"] for one in up} == {pod["metadata"]["name"] for pod in pods}

    wait_for("all parts to be watched", scraped, 60, every=2)
    values = {"$namespace": watched.namespace.name, "$pipeline": NAME, "$goal": "client-rate|host-latency"}
    values["$__rate_interval"] = "30s"

    asked = queries(values)
    assert len(asked) > 50

    def empty() -> list[str]:
        return [
            f"{place}: {expression}"
            for place, expression in asked
            if not any(one["value"][1] != "NaN" for one in watched.prometheus.query(expression))
        ]

    deadline = time.monotonic() + 120
    while lacking := empty():
        assert time.monotonic() < deadline, "without data:\n" + "\n".join(lacking)


def episodes(pipeline: Pipeline) -> dict[tuple[str, float], float]:
    """What the results say: by client and beginning of its first window, the beginning of its last one."""
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
        if client != current[0] or start > found[current] + SLIDE + QUIET:
            current = client, start
        found[current] = start
    return found


def told(watched: Watched) -> dict[str, list[tuple[str, float]]]:
    """What a person was told of each client's episodes, in order: whether it fires, and its beginning."""
    found: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for one in watched.alertmanagers.notifications():
        if one.labels["alertname"] == DETECTION:
            found[one.labels["client_ip"]].append((one.status, one.starts))
    return found


def test_each_episode_is_told_once_though_the_bridge_is_killed(watched: Watched) -> None:
    pipeline, alertmanagers = watched.pipeline, watched.alertmanagers

    def firing() -> int:
        return sum(status == "firing" for client in told(watched).values() for status, _ in client)

    wait_for("the first alert", lambda: firing() > 0, 120, every=2)
    before = firing()
    (bridge,) = pipeline.pods("alert-bridge")
    pipeline.namespace.delete("pod", bridge["metadata"]["name"], "--grace-period=0", "--force")
    pipeline.wait("Ready")
    wait_for("more alerts", lambda: firing() >= before + ENOUGH, 300, every=2)
    # What has ended so long ago is resolved: lateness, quiet period, a batch of the goal, and Alertmanager's interval.
    time.sleep(60)
    settled = time.time() - 50
    expected = {episode: last for episode, last in episodes(pipeline).items() if last + SIZE < settled}
    found = told(watched)
    assert len(expected) >= ENOUGH
    for (client, first), last in expected.items():
        account = client, first, last, found[client]
        mine = [(status, start) for status, start in found[client] if first <= start <= last]
        # The first window to pass the threshold may not be the earliest that does: the partitions are read side by side.
        assert [status for status, _ in mine] == ["firing", "resolved"], account
        assert mine[1][1] == first, account
    labels = next(one.labels for one in alertmanagers.notifications() if one.labels["alertname"] == DETECTION)
    wanted = {"severity": "warning", "pipeline": NAME, "goal": "client-rate"}
    assert wanted.items() <= labels.items()
    assert labels["namespace"] == pipeline.namespace.name
    # Both peers know the same: whoever is left alone goes on.
    wait_for("both to know the same", lambda: len({frozenset(known) for known in alertmanagers.known()}) == 1, 60)


def test_nothing_is_told_while_all_is_well_and_nobody_offends(watched: Watched) -> None:
    watched.pipeline.patch("/spec/source/generator/offendersEvery", "0s", op="replace")
    wait_for("the generator to be replaced", lambda: len(watched.pipeline.pods("generator")) == 1, 60)
    watched.pipeline.wait("Ready")
    # An offender that was on its way is told still; a bridge that was killed is forgotten.
    time.sleep(30)
    wait_for("the kill to be over", lambda: not watched.firing(), 120, every=3)
    began = time.time()
    # As long as any rule waits, made quicker.
    time.sleep(45)
    assert watched.firing() == set()
    assert [one for one in watched.alertmanagers.notifications() if one.at > began and one.status == "firing"] == []


@pytest.mark.parametrize("faults", TOGETHER, ids=["-".join(fault.__name__ for fault in faults) for faults in TOGETHER])
def test_faults_are_told_and_their_ends_too(watched: Watched, faults: tuple[Callable[[Watched], Any], ...]) -> None:
    alerts = [alert for fault in faults for alert in ALERTS[fault]]
    assert watched.firing().isdisjoint(alerts)
    began = time.time()
    with ExitStack() as stack:
        for fault in faults:
            stack.enter_context(fault(watched))
        for alert in alerts:
            wait_for(f"{alert} to be told", lambda alert=alert: watched.told(alert, "firing", began), FIRES, every=2)
    for alert in alerts:
        wait_for(f"the end of {alert}", lambda alert=alert: watched.told(alert, "resolved", began), ENDS, every=2)
