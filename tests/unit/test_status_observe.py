"""The shells against servers that fail on demand, and who is asked how often."""

from __future__ import annotations

import email
import email.message
import json
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote

import pytest

from logpipeline_operator.observe.connect import ConnectorMemory, observe_connector
from logpipeline_operator.observe.credentials import elasticsearch_secret, kafka_client
from logpipeline_operator.observe.elasticsearch import IndexMemory, observe_index
from logpipeline_operator.observe.endpoints import Endpoints
from logpipeline_operator.observe.facts import Fault, FaultKind, KafkaFacts
from logpipeline_operator.observe.faults import PeerError
from logpipeline_operator.observe.goals import observe_goal
from logpipeline_operator.observe.kibana import KibanaMemory, ensure_saved_objects
from logpipeline_operator.observe.observer import Observer
from logpipeline_operator.observe.peers import Peer, Question, ask_all
from logpipeline_operator.status.events import removals
from pipelines import a_pipeline

Answer = tuple[int, Any]
Respond = Callable[[str, str, Any], Answer]


class Server:
    """Answers each request as it is told to, and remembers what was asked."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.asked: list[tuple[str, str]] = []
        self.respond: Respond = lambda *_: (200, {})
        server = self

        class Handler(BaseHTTPRequestHandler):
            def _any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                server.asked.append((self.command, self.path))
                form = self.headers.get("Content-Type") or ""
                given = json.loads(body) if body and form.startswith("application/json") else None
                if form.startswith("multipart/"):
                    given = {"Content-Type": form, "raw": body}
                status, answer = server.respond(self.command, self.path, given)
                text = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("X-Elastic-Product", "Elasticsearch")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(text)

            do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _any  # noqa: N815 - the names are http.server's

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if context is not None:
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"{'http' if context is None else 'https'}://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


# Nothing listens on the port for "discard".
CLOSED = "http://127.0.0.1:9"


def kind(fault: Fault | None) -> FaultKind | None:
    return fault.kind if fault else None


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ((200, {"goals": [{"goal": "a", "state": "running", "something new": 1}]}), None),
        ((200, {"goals": [{"goal": "b", "state": "running"}]}), "belongs to another goal than a"),
        ((200, {"goals": "none"}), "answers and tells no progress"),
        ((200, b"<html>"), "answers and tells no progress"),
        ((503, {}), "answers and tells no progress"),
    ],
)
def test_a_goal_that_answers_oddly(server: Server, answer: Answer, expected: str | None) -> None:
    server.respond = lambda *_: answer
    facts = observe_goal("a", server.url)
    assert (facts.progress is not None) == (expected is None)
    assert expected is None or (facts.fault and expected in facts.fault.message)


def test_a_goal_that_does_not_answer() -> None:
    assert observe_goal("a", CLOSED).fault == Fault(
        FaultKind.UNREACHABLE, f"a at {CLOSED} does not answer: connection refused"
    )


class Workers:
    """Kafka Connect as far as one connector goes."""

    def __init__(self, server: Server) -> None:
        self.config: Any = None
        self.tasks = [{"id": 0, "state": "RUNNING", "worker_id": "w"}]
        self.state = "RUNNING"
        self.refuses: tuple[int, str] | None = None
        self.others: list[str] = []
        server.respond = self.respond

    def respond(self, method: str, path: str, body: Any) -> Answer:
        match method, path.partition("?")[0].rsplit("/", 1)[-1]:
            case "GET", "connectors":
                return 200, [*self.others, *(["c"] if self.config is not None else [])]
            case "DELETE", name:
                self.others.remove(unquote(name))
                return 204, b""
            case "GET", "config":
                return (200, self.config) if self.config is not None else (404, {"message": "not found"})
            case "PUT", "config":
                if self.refuses is not None:
                    return self.refuses[0], {"message": self.refuses[1]}
                self.config = body
                return 201, {}
            case "PUT", "resume":
                self.state = "RUNNING"
                return 202, {}
            case "POST", "restart":
                return 202, {}
        return 200, {"name": "c", "connector": {"state": self.state}, "tasks": self.tasks}


CONFIG = {"connector.class": "x"}


def test_a_connector_is_configured_once_and_again_when_it_differs(server: Server) -> None:
    workers, memory = Workers(server), ConnectorMemory()
    for _ in range(3):
        facts = observe_connector(server.url, "c", CONFIG, memory, now=0.0)
    assert (facts.fault, facts.state, facts.running, facts.tasks) == (None, "RUNNING", 1, 1)
    assert server.asked.count(("PUT", "/connectors/c/config")) == 1
    workers.config = {**workers.config, "tasks.max": "9"}
    observe_connector(server.url, "c", CONFIG, memory, now=0.0)
    assert workers.config == {"name": "c", **CONFIG}
    workers.state = "PAUSED"
    observe_connector(server.url, "c", CONFIG, memory, now=0.0)
    assert observe_connector(server.url, "c", CONFIG, memory, now=0.0).state == "RUNNING"


def test_a_connector_that_is_not_ours_is_removed_and_told_once(server: Server) -> None:
    workers, memory = Workers(server), ConnectorMemory()
    workers.others = ["a/../b?c", "leak\n"]
    for _ in range(2):
        assert observe_connector(server.url, "c", CONFIG, memory, now=0.0).state == "RUNNING"
    assert workers.others == []
    removed = memory.take_removed()
    assert removed == ("a/../b?c", "leak\n")
    assert memory.take_removed() == ()
    events = [(event.type, event.reason, event.action, event.message) for event in removals(removed)]
    text = "is not the pipeline's and was removed from its Connect workers"
    assert events[1] == ("Warning", "ConnectorRemoved", "Remove", f"the connector 'leak\\n' {text}")


def test_a_credential_that_the_workers_refuse_is_told(server: Server) -> None:
    server.respond = lambda *_: (401, b"User cannot access the resource.")
    fault = observe_connector(server.url, "c", CONFIG, ConnectorMemory(), now=0.0).fault
    text = f"Kafka Connect at {server.url} refuses the operator's credential"
    assert fault == Fault(FaultKind.AUTHENTICATION_FAILED, text)


def test_failed_tasks_are_restarted_with_growing_pauses(server: Server) -> None:
    workers, memory = Workers(server), ConnectorMemory()
    trace = (
        "org.apache.kafka.connect.errors.ConnectException: x\n\tat a.b\nCaused by: java.io.IOException: 429\n\tat c.d"
    )
    workers.tasks = [{"id": 0, "state": "FAILED", "worker_id": "w", "trace": trace}]
    restarted = []
    for second in range(0, 100, 5):
        facts = observe_connector(server.url, "c", CONFIG, memory, now=float(second))
        if facts.restarts > len(restarted):
            restarted.append(second)
    assert restarted == [0, 10, 30, 70]
    assert facts.task_fault == "java.io.IOException: 429"


def test_a_refused_configuration_is_offered_again(server: Server) -> None:
    """Files that it names may be right by then."""
    workers, memory = Workers(server), ConnectorMemory()
    workers.refuses = (400, "Connector configuration is invalid:\n tasks.max must be a number")
    for _ in range(2):
        facts = observe_connector(server.url, "c", CONFIG, memory, now=0.0)
        assert facts.fault == Fault(
            FaultKind.REFUSED,
            "Kafka Connect refuses the connector: Connector configuration is invalid: tasks.max must be a number",
        )
    workers.refuses = None
    assert observe_connector(server.url, "c", CONFIG, memory, now=0.0).state == "RUNNING"
    assert server.asked.count(("PUT", "/connectors/c/config")) == 3


@pytest.mark.parametrize(
    ("refusal", "expected"), [((409, "rebalance"), None), ((500, "timed out"), FaultKind.UNREACHABLE)]
)
def test_workers_that_agree_on_who_does_what_are_no_fault(
    server: Server, refusal: tuple[int, str], expected: FaultKind | None
) -> None:
    workers = Workers(server)
    workers.refuses = refusal
    facts = observe_connector(server.url, "c", CONFIG, ConnectorMemory(), now=0.0)
    assert (kind(facts.fault), facts.state) == (expected, None)


SECRET = {"es": {"username": "elastic", "password": "hunter2"}}


def external(url: str) -> Any:
    return a_pipeline(sink={"elasticsearch": {"external": {"url": url, "secretRef": {"name": "es"}}}})


@pytest.mark.parametrize(
    ("answer", "expected", "words"),
    [
        ((401, {}), FaultKind.AUTHENTICATION_FAILED, "username and password, in the Secret 'es'"),
        ((403, {}), FaultKind.NOT_AUTHORIZED, "the user in the Secret 'es'"),
        ((503, {}), FaultKind.UNREACHABLE, "answers 503"),
        ((400, {"error": {"type": "found_out", "reason": "found out"}}), FaultKind.REFUSED, "answers 400"),
        ((404, {"error": {"type": "found_out"}}), FaultKind.REFUSED, "answers 404"),
        ((307, {"error": {"type": "found_out"}}), FaultKind.REFUSED, "answers 307"),
        ((200, b"found out"), FaultKind.UNREACHABLE, "does not answer"),
    ],
)
def test_faults_of_elasticsearch(server: Server, answer: Answer, expected: FaultKind, words: str) -> None:
    server.respond = lambda *_: answer
    facts = observe_index(external(server.url), server.url, SECRET, IndexMemory(), now=0.0)
    assert kind(facts.fault) == expected
    assert facts.fault is not None
    assert words in facts.fault.message
    assert "hunter2" not in facts.fault.message
    # Behind the URL there can be a service that its author cannot ask.
    assert "found" not in facts.fault.message
    assert (facts.ready, facts.indexed) == (None, None)


def test_an_index_is_seen_to_when_it_changes_and_every_ten_minutes(server: Server) -> None:
    def respond(method: str, path: str, _: Any) -> Answer:
        return (404, {}) if path.startswith("/_alias") else (200, {"count": 5, "acknowledged": True})

    server.respond = respond
    memory, pipeline = IndexMemory(), external(server.url)
    for now in (0.0, 10.0, 599.0):
        assert observe_index(pipeline, server.url, SECRET, memory, now=now).indexed == 5
    put = ("PUT", "/_index_template/logpipeline-web")
    assert server.asked.count(put) == 1
    observe_index(pipeline, server.url, SECRET, memory, now=601.0)
    assert server.asked.count(put) == 2


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test"]
    names = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", folder / "tls.key", "-out", folder / "tls.crt"]
    subprocess.run([*request, *names], check=True, capture_output=True)
    return folder


def test_a_certificate_of_a_private_ca_is_known_by_the_secret(certificate: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "tls.crt", certificate / "tls.key")
    server = Server(context)
    server.respond = lambda *_: (401, {})
    try:
        for secret, expected in (
            (SECRET["es"], FaultKind.CERTIFICATE_REFUSED),
            (SECRET["es"] | {"ca.crt": (certificate / "tls.crt").read_text()}, FaultKind.AUTHENTICATION_FAILED),
            (SECRET["es"] | {"ca.crt": "-----BEGIN CERTIFICATE-----\nx"}, FaultKind.SECRET_INVALID),
        ):
            facts = observe_index(external(server.url), server.url, {"es": secret}, IndexMemory(), now=0.0)
            assert kind(facts.fault) == expected
    finally:
        server.close()


SASL = {"protocol": "SASL_SSL", "secretRef": {"name": "kafka"}}
PEM = "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n"
LOGIN = {"username": "u", "password": "hunter2"}


@pytest.mark.parametrize(
    ("secrets", "expected", "words"),
    [
        ({}, FaultKind.SECRET_MISSING, "there is no Secret 'kafka' in the namespace"),
        ({"kafka": {"password": "hunter2"}}, FaultKind.SECRET_INVALID, "the Secret 'kafka' has no username"),
        (
            {"kafka": LOGIN | {"ca.crt": "0\x82\x01"}},
            FaultKind.SECRET_INVALID,
            "ca.crt in the Secret 'kafka' is not PEM",
        ),
        ({"kafka": LOGIN | {"tls.crt": PEM}}, FaultKind.SECRET_INVALID, "has no tls.key"),
    ],
)
def test_a_secret_that_cannot_be_used_is_told_by_its_keys(
    secrets: dict[str, dict[str, str]], expected: FaultKind, words: str
) -> None:
    pipeline = a_pipeline(kafka={"external": {"bootstrapServers": "k:9092", "security": SASL}})
    with pytest.raises(PeerError) as raised:
        kafka_client(pipeline, "k:9092", secrets)
    assert raised.value.fault.kind == expected
    assert words in raised.value.fault.message
    assert "hunter2" not in raised.value.fault.message


def test_certificates_stand_in_the_settings_and_in_no_file() -> None:
    pipeline = a_pipeline(kafka={"external": {"bootstrapServers": "k:9092", "security": SASL}})
    settings = kafka_client(pipeline, "k:9092", {"kafka": LOGIN | {"ca.crt": PEM, "tls.crt": PEM, "tls.key": PEM}})
    assert {key for key, value in settings.items() if value == PEM} == {
        "ssl.ca.pem",
        "ssl.certificate.pem",
        "ssl.key.pem",
    }
    assert not [key for key in settings if key.endswith("location")]


@pytest.mark.parametrize("secret", [{"username": "u"}, {"passwort": "hunter2"}])
def test_a_secret_of_elasticsearch_that_cannot_be_used(secret: dict[str, str]) -> None:
    with pytest.raises(PeerError) as raised:
        elasticsearch_secret(external("https://es:9200"), {"es": secret})
    assert raised.value.fault.kind == FaultKind.SECRET_INVALID


class Kibana:
    """Saved objects by type and id, as Kibana's export and import know them."""

    def __init__(self, server: Server) -> None:
        self.objects: dict[tuple[str, str], dict[str, Any]] = {}
        self.refused: list[dict[str, Any]] = []
        server.respond = self._respond

    def _respond(self, method: str, path: str, body: Any) -> Answer:
        assert method == "POST"
        if path == "/api/saved_objects/_export":
            ((kind, name),) = ((one["type"], one["id"]) for one in body["objects"])
            found = self.objects.get((kind, name))
            return (200, found) if found else (400, {"message": "Error fetching objects to export"})
        assert path == "/api/saved_objects/_import?overwrite=true"
        message = email.message_from_bytes(
            b"Content-Type: " + body["Content-Type"].encode() + b"\r\n\r\n" + body["raw"]
        )
        (part,) = cast("list[email.message.Message]", message.get_payload())
        assert str(part.get_filename()).endswith(".ndjson")
        lines = cast("bytes", part.get_payload(decode=True)).decode().splitlines()
        if self.refused:
            return 200, {"success": False, "successCount": 0, "errors": self.refused}
        self.objects |= {(one["type"], one["id"]): one for one in map(json.loads, lines)}
        return 200, {"success": True, "successCount": len(lines)}


def test_kibana_has_what_the_resource_asks_for_and_keeps_what_people_change(server: Server) -> None:
    kibana, memory = Kibana(server), KibanaMemory()
    assert ensure_saved_objects(a_pipeline(), server.url, memory, now=0.0) is None
    assert [kind for kind, _ in kibana.objects] == ["index-pattern", "search", "search", "dashboard"]
    assert kibana.objects["index-pattern", "logpipeline-web"]["attributes"]["title"] == "web"
    dashboard = kibana.objects["dashboard", "logpipeline-web-overview"]
    dashboard["attributes"]["panelsJSON"] = "changed by a person"
    # Looked at again in a while, and by an operator that has just started.
    assert ensure_saved_objects(a_pipeline(), server.url, memory, now=10.0) is None
    assert ensure_saved_objects(a_pipeline(), server.url, memory, now=1000.0) is None
    assert ensure_saved_objects(a_pipeline(), server.url, KibanaMemory(), now=0.0) is None
    assert [path.rsplit("/", 1)[-1].partition("?")[0] for _, path in server.asked] == ["_export", "_import"] + 2 * [
        "_export"
    ]
    assert dashboard["attributes"]["panelsJSON"] == "changed by a person"
    # Another resource, and one that somebody has thrown away.
    goals = [{"name": "errors", "preset": "host-errors"}]
    assert ensure_saved_objects(a_pipeline(goals=goals), server.url, memory, now=1001.0) is None
    assert "errors-time" in kibana.objects["dashboard", "logpipeline-web-overview"]["attributes"]["panelsJSON"]
    del kibana.objects["dashboard", "logpipeline-web-overview"]
    assert ensure_saved_objects(a_pipeline(goals=goals), server.url, memory, now=2000.0) is None
    assert ("dashboard", "logpipeline-web-overview") in kibana.objects


def test_what_kibana_refuses_is_said_in_its_words(server: Server) -> None:
    kibana, memory = Kibana(server), KibanaMemory()
    kibana.refused = [{"type": "dashboard", "id": "d", "error": {"type": "unsupported_type"}}]
    fault = ensure_saved_objects(a_pipeline(), server.url, memory, now=0.0)
    assert kind(fault) == FaultKind.REFUSED
    assert "dashboard d" in str(fault) and "unsupported_type" in str(fault)
    kibana.refused = []
    assert ensure_saved_objects(a_pipeline(), server.url, memory, now=1.0) is None


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ((503, {"message": "Kibana server is not ready yet"}), FaultKind.UNREACHABLE),
        ((403, {"message": "Unable to bulk_create dashboard"}), FaultKind.REFUSED),
        ((200, b"<html>a proxy</html>"), FaultKind.UNREACHABLE),
    ],
)
def test_a_kibana_that_does_not_answer_as_one_is_told(server: Server, answer: Answer, expected: FaultKind) -> None:
    server.respond = lambda *_: answer
    assert kind(ensure_saved_objects(a_pipeline(), server.url, KibanaMemory(), now=0.0)) == expected


def question(ask: Callable[[], KafkaFacts], about: object = None) -> Question:
    late = KafkaFacts(fault=Fault(FaultKind.UNREACHABLE, "late"))
    return Question(ask, late=late, unknown=KafkaFacts(), fault=lambda answer: answer.fault, about=about)


def test_who_fails_is_left_alone_for_longer_and_longer() -> None:
    peers: dict[str, Peer] = {}
    asked: list[float] = []

    def look(now: float, about: object = None) -> KafkaFacts:
        def ask() -> KafkaFacts:
            asked.append(now)
            return KafkaFacts(fault=Fault(FaultKind.UNREACHABLE, "down"))

        answers, _ = ask_all(pool.submit, {"k": question(ask, about)}, peers, now, 5.0)
        facts: KafkaFacts = answers["k"]
        return facts

    with ThreadPoolExecutor(1) as pool:
        for second in range(200):
            assert look(float(second)).fault is not None
        assert asked == [0, 2, 6, 14, 30, 62, 122, 182]
        # What it depends on has changed, for example its Secret: nobody should wait a minute for that.
        look(200.0, about="another Secret")
        assert asked[-1] == 200


def test_a_look_ends_in_time_and_asks_nobody_twice_at_once() -> None:
    release = threading.Event()
    calls = []

    def hang() -> KafkaFacts:
        calls.append(1)
        release.wait(60)
        return KafkaFacts(brokers=1)

    peers: dict[str, Peer] = {}
    with ThreadPoolExecutor(2) as pool:
        for now in (0.0, 100.0):
            answers, fresh = ask_all(
                pool.submit, {"hangs": question(hang), "well": question(lambda: KafkaFacts(brokers=3))}, peers, now, 0.1
            )
            assert answers["hangs"].fault.message == "late"
            assert answers["well"].brokers == 3
            assert "well" in fresh
        assert len(calls) == 1
        release.set()


def test_one_who_had_to_queue_behind_others_has_done_nothing_wrong() -> None:
    release = threading.Event()
    peers: dict[str, Peer] = {}
    with ThreadPoolExecutor(1) as pool:
        pool.submit(release.wait, 10)
        answers, fresh = ask_all(pool.submit, {"k": question(lambda: KafkaFacts(brokers=1))}, peers, 0.0, 0.1)
        assert (answers["k"], fresh) == (KafkaFacts(), set())
        release.set()
        answers, fresh = ask_all(pool.submit, {"k": question(lambda: KafkaFacts(brokers=1))}, peers, 0.1, 5.0)
        assert (answers["k"], fresh) == (KafkaFacts(brokers=1), {"k"})


def test_a_defect_costs_one_answer_and_is_told(caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> KafkaFacts:
        raise ZeroDivisionError

    with ThreadPoolExecutor(1) as pool:
        answers, _ = ask_all(pool.submit, {"k": question(broken)}, {}, 0.0, 5.0)
    assert answers["k"].fault.message == "late"
    assert "ZeroDivisionError" in caplog.text


def test_of_a_pipeline_of_which_nobody_answers_each_part_is_unreachable() -> None:
    observer = Observer()
    pipeline = external("http://127.0.0.1:9")
    try:
        for children in ([], [{"kind": "ConfigMap", "metadata": {"name": "x"}}]):
            facts = observer.observe(
                pipeline, Endpoints("127.0.0.1:9", None, {"client-rate": CLOSED}, CLOSED, CLOSED), SECRET, children
            )
            assert kind(facts.kafka.fault) == FaultKind.UNREACHABLE
            assert facts.index is not None
            assert kind(facts.index.fault) == FaultKind.UNREACHABLE
            # Each has answered for itself: no look had to be cut short.
            assert all("in time" not in fault.message for fault in (facts.kafka.fault, facts.index.fault))
            # Nobody asks what has no pods.
            assert facts.goals["client-rate"].fault is None
            assert facts.connector is None
    finally:
        observer.close()
