"""The alert bridge against a real broker: whatever happens to it, each episode is told, and told once.

Alertmanager and the webhook are stand-ins that write down what they are sent, for the real ones do not fail on demand; the real
Alertmanager is in tests/e2e.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from processes import Broker, free_port

SIZE, SECONDS = 20, 60


class Stub:
    """An HTTP server that keeps what it is sent, and answers GET /progress as a goal does."""

    def __init__(self) -> None:
        self.received: list[tuple[str, Any]] = []
        self.status = 200
        self.watermark = 0.0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                goal = {"goal": "client-rate", "state": "running", "watermark": iso(outer.watermark)}
                self._answer(200, json.dumps({"goals": [goal]}).encode())

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if outer.status == 200:
                    outer.received.append((self.path, body))
                self._answer(outer.status, b"{}")

            def _answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def alerts(self) -> dict[tuple[str, str], list[str]]:
        """What Alertmanager makes of it: by client_ip and startsAt, the states told, repetitions left out."""
        told: dict[tuple[str, str], list[str]] = {}
        for path, body in list(self.received):
            alerts = body if path == "/api/v2/alerts" else body["alerts"]
            for alert in alerts:
                states = told.setdefault((alert["labels"].get("client_ip", ""), alert["startsAt"]), [])
                ended = datetime.fromisoformat(alert["endsAt"]).timestamp() <= time.time()
                state = "resolved" if ended and "closed_by" in alert["annotations"] else "firing"
                if states[-1:] != [state]:
                    states.append(state)
        return told

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.fixture
def stub() -> Iterator[Stub]:
    stub = Stub()
    yield stub
    stub.close()


class Bridge:
    """The bridge as a process that can be killed and started again."""

    def __init__(self, folder: Path, kafka: Broker, topic: str, stub: Stub, **alert: Any) -> None:
        self.results, self.kept, self._kafka = f"{topic}.results", f"{topic}.alerts", kafka
        kafka.topic(self.results)
        kafka.topic(self.kept)
        spec = {
            "kafka": {"managed": {}},
            "goals": [
                {"name": "client-rate", "preset": "client-rate", "topic": {"name": self.results}, "alert": alert}
            ],
            "alerting": {
                "topic": self.kept,
                "alertmanager": {"url": stub.url},
                "webhook": {"url": f"{stub.url}/hook", "secretRef": {"name": "hook"}},
            },
        }
        head = {"apiVersion": "logpipeline.dev/v1alpha1", "kind": "LogPipeline", "metadata": {"name": topic}}
        (folder / "pipeline.yaml").write_text(yaml.safe_dump({**head, "spec": spec}))
        (folder / "hook").mkdir()
        (folder / "hook" / "token").write_text("s3cret\n")
        self._port = free_port()
        options = ["--pipeline", folder / "pipeline.yaml", "--bootstrap-servers", kafka.bootstrap_servers]
        options += ["--goals", stub.url, "--webhook-secret", folder / "hook", "--metrics-port", self._port]
        self._command = [sys.executable, "-m", "logpipeline_alert_bridge", *map(str, options)]
        self.log = folder / "bridge.log"
        self._producer = Producer({"bootstrap.servers": kafka.bootstrap_servers, "log_level": 0})
        self.start()

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=subprocess.STDOUT)

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def stop(self) -> int:
        self._process.terminate()
        return self._process.wait(20)

    def detect(self, start: int, *clients: str) -> None:
        for client in clients:
            result = {"goal": "client-rate", "window_start": iso(start), "window_end": iso(start + SIZE)}
            self.send(json.dumps({**result, "client_ip": client, "count": 11}).encode(), client)

    def send(self, value: bytes, key: str = "") -> None:
        self._producer.produce(self.results, value, key)
        self._producer.flush()

    def rename(self, results: str) -> None:
        """Restart with another result topic."""
        assert self.stop() == 0
        self._kafka.topic(results)
        path = Path(self._command[self._command.index("--pipeline") + 1])
        path.write_text(path.read_text().replace(self.results, results))
        self.results = results
        self.start()

    def recreate(self) -> None:
        """Delete the result topic and make it again, while the bridge runs."""
        admin = AdminClient({"bootstrap.servers": self._kafka.bootstrap_servers})
        admin.delete_topics([self.results])[self.results].result(10)
        while self.results in admin.list_topics(timeout=10).topics:
            time.sleep(0.2)
        self._kafka.topic(self.results)

    def forget_offsets(self) -> None:
        """As after a kill before the first commit: everything is read again."""
        group = f"{self.kept.removesuffix('.alerts')}.alert-bridge"
        settings = {"bootstrap.servers": self._kafka.bootstrap_servers, "group.id": group, "group.instance.id": group}
        consumer = Consumer({**settings, "enable.auto.commit": False, "log_level": 0})
        consumer.subscribe([self.results])
        while not consumer.assignment():
            consumer.poll(0.1)
        consumer.commit(offsets=[TopicPartition(self.results, 0, 0)], asynchronous=False)
        consumer.close()

    def open_alerts(self) -> str:
        """The line of the metric, empty while the bridge does not answer."""
        try:
            lines = self.metrics().splitlines()
        except OSError:
            return ""
        return next((line for line in lines if line.startswith("logpipeline_alert_bridge_open_alerts{")), "")

    def metrics(self) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/metrics", timeout=5) as answer:
            return str(answer.read().decode())


@pytest.fixture
def started(tmp_path: Path, kafka: Broker, topic: str, stub: Stub) -> Iterator[Callable[..., Bridge]]:
    bridges: list[Bridge] = []

    def start(**alert: Any) -> Bridge:
        bridges.append(Bridge(tmp_path, kafka, topic, stub, **alert))
        return bridges[0]

    yield start
    for bridge in bridges:
        bridge.kill()


def wait(what: str, check: Callable[[], bool], bridge: Bridge) -> None:
    deadline = time.monotonic() + SECONDS
    while not check():
        assert time.monotonic() < deadline, f"{what}: not within {SECONDS} s; {bridge.log.read_text()[-2000:]}"
        time.sleep(0.2)


def test_a_bridge_that_is_killed_again_and_again_tells_each_episode_once(
    started: Callable[..., Bridge], stub: Stub
) -> None:
    bridge = started()
    began = int(time.time())
    clients = [f"10.0.0.{number}" for number in range(20)]
    # A window of each every second, through kills; the last two seconds belong to the second half alone.
    for step in range(12):
        bridge.detect(began + step, *(clients if step < 10 else clients[10:]))
        if step % 4 == 2:
            wait("all are open", lambda: f"}} {len(clients)}.0" in bridge.open_alerts(), bridge)
            bridge.kill()
            bridge.forget_offsets()
            bridge.start()
    wait("all fire", lambda: len(stub.alerts()) == len(clients), bridge)
    assert stub.alerts() == {(client, iso(began)): ["firing"] for client in clients}
    # All is over by event time, and at the receivers when it was open long enough to be noticed.
    stub.watermark = began + 60
    ended = {(client, iso(began)): ["firing", "resolved"] for client in clients}
    wait("all end", lambda: stub.alerts() == ended, bridge)
    windows = {
        alert["labels"]["client_ip"]: alert["annotations"]["windows"]
        for path, body in stub.received
        if path != "/hook"
        for alert in body
    }
    assert windows == {client: "10" if client in clients[:10] else "12" for client in clients}
    hooks = [
        (alert["labels"]["client_ip"], alert["annotations"].get("closed_by"))
        for path, body in stub.received
        if path == "/hook"
        for alert in body["alerts"]
    ]
    # A kill between the webhook's answer and its note repeats a message, never the other way round.
    assert {client for client, reason in hooks if reason is None} == set(clients)
    assert {client for client, reason in hooks if reason is not None} == set(clients)
    # A later burst of one of them is the next alert.
    bridge.detect(began + 200, clients[0])
    wait("the next fires", lambda: stub.alerts().get((clients[0], iso(began + 200))) == ["firing"], bridge)
    assert bridge.stop() == 0


def test_fifty_episodes_end_in_a_steady_stream_of_others_and_through_kills(
    started: Callable[..., Bridge], stub: Stub
) -> None:
    bridge, chance = started(maxOpen=100), random.Random(11)
    stub.watermark = time.time()
    starts: dict[str, int] = {}

    def second() -> None:
        """A window of the one that never ends, and time goes on for the goal."""
        bridge.detect(int(time.time()) - SIZE, "10.9.9.9")
        stub.watermark = time.time()

    kills = set(chance.sample(range(25), 6))
    for step in range(25):
        second()
        for client in (f"10.0.{step}.1", f"10.0.{step}.2"):
            starts[client] = int(time.time()) - SIZE
            bridge.detect(starts[client], client)
        time.sleep(chance.uniform(0.0, 0.6))
        if step in kills:
            bridge.kill()
            if chance.random() < 0.5:
                bridge.forget_offsets()
            bridge.start()

    def over() -> bool:
        second()
        told = stub.alerts()
        return all(told.get((client, iso(start)), [])[-1:] == ["resolved"] for client, start in starts.items())

    wait("all end", over, bridge)
    told = stub.alerts()
    (never_ends,) = [states for (client, _), states in told.items() if client == "10.9.9.9"]
    assert never_ends == ["firing"]
    assert {name: states for name, states in told.items() if name[0] != "10.9.9.9"} == {
        (client, iso(start)): ["firing", "resolved"] for client, start in starts.items()
    }
    assert "goal_progress_age_seconds" in bridge.metrics()


def test_a_result_topic_that_is_another_one_starts_over(started: Callable[..., Bridge], stub: Stub) -> None:
    bridge, now = started(), int(time.time())
    for step in range(5):
        bridge.detect(now + step, "10.0.0.1")
    wait("it fires", lambda: stub.alerts() == {("10.0.0.1", iso(now)): ["firing"]}, bridge)
    # Each of the next is a burst of its own, at an offset that the topic before had long passed.
    bridge.recreate()
    bridge.detect(now + 100, "10.0.0.1")
    wait("made again", lambda: ("10.0.0.1", iso(now + 100)) in stub.alerts(), bridge)
    bridge.rename(f"{bridge.results}.renamed")
    bridge.detect(now + 200, "10.0.0.1")
    wait("renamed", lambda: ("10.0.0.1", iso(now + 200)) in stub.alerts(), bridge)


def test_what_nobody_is_to_be_told_of_is_counted(started: Callable[..., Bridge], stub: Stub) -> None:
    bridge = started(maxOpen=2)
    now = int(time.time())
    bridge.send(b"no result")
    bridge.detect(1_659_509_511, "10.0.0.1")
    bridge.detect(now, "10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4")
    wait("all are told", lambda: len(stub.alerts()) == 3, bridge)
    assert {client for client, _ in stub.alerts()} == {"10.0.0.1", "10.0.0.2", ""}
    time.sleep(2)
    hooks = [
        alert["labels"].get("client_ip", "")
        for path, body in stub.received
        if path == "/hook"
        for alert in body["alerts"]
    ]
    assert sorted(hooks) == ["", "10.0.0.1", "10.0.0.2"]
    text = bridge.metrics()
    for outcome, number in (("malformed", 1), ("stale", 1), ("taken", 2), ("held_back", 2)):
        assert f'outcome="{outcome}",pipeline=' in text
        assert (
            f'goal="client-rate",outcome="{outcome}",pipeline="{bridge.kept.removesuffix(".alerts")}"}} {number}.0'
            in text
        )
    assert "s3cret" not in bridge.log.read_text()


def test_an_alertmanager_that_was_down_is_told_when_it_is_up(started: Callable[..., Bridge], stub: Stub) -> None:
    stub.status = 503
    bridge = started()
    now = int(time.time())
    bridge.detect(now, "10.0.0.1")
    wait("it is tried", lambda: "trying again" in bridge.log.read_text(), bridge)
    assert not stub.received
    stub.status = 200
    wait("it is told", lambda: stub.alerts() == {("10.0.0.1", iso(now)): ["firing"]}, bridge)
    assert os.path.getsize(bridge.log) < 10_000, "one line a change, not one a try"
