"""The operator's eyes on real servers: what stands outside the cluster's API is made right, counted, and its faults told apart."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer

from logpipeline.api import LogPipeline, parse
from logpipeline_operator.desired.generated import connect_secret_name
from logpipeline_operator.observe.endpoints import Endpoints
from logpipeline_operator.observe.facts import Facts, FaultKind
from logpipeline_operator.observe.observer import Observer
from processes import Broker, ConnectWorker, Elasticsearch, free_port, write_properties

SECONDS = 60
RECORD = {"client_ip": "10.0.0.1", "status": 200, "@timestamp": 1_700_000_000}


def a_pipeline(**spec: Any) -> LogPipeline:
    defaults = {
        "kafka": {"managed": {}},
        "source": {"topic": {"partitions": 2}},
        "goals": [{"name": "client-rate", "preset": "client-rate"}],
        "sink": {"elasticsearch": {"managed": {}}, "connect": {"tasksMax": 1}},
    }
    head = {"apiVersion": "logpipeline.dev/v1alpha1", "kind": "LogPipeline"}
    return parse({**head, "metadata": {"name": f"w{uuid.uuid4().hex[:8]}"}, "spec": defaults | spec})


def a_workload(component: str, goal: str | None = None) -> list[dict[str, Any]]:
    """A workload of one pod, as if it were ready."""
    labels = {"app.kubernetes.io/component": component} | ({"logpipeline.dev/goal": goal} if goal else {})
    status = {"readyReplicas": 1, "updatedReplicas": 1, "observedGeneration": 1}
    owner = [{"kind": "StatefulSet", "name": component, "controller": True}]
    ready = [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}]
    return [
        {
            "kind": "StatefulSet",
            "metadata": {"name": component, "labels": labels, "generation": 1},
            "spec": {"replicas": 1},
            "status": status,
        },
        {
            "kind": "Pod",
            "metadata": {"name": f"{component}-0", "labels": labels, "ownerReferences": owner},
            "status": {"phase": "Running", "conditions": ready},
        },
    ]


CHILDREN = [
    *a_workload("kafka"),
    *a_workload("goal", "client-rate"),
    *a_workload("connect"),
    *a_workload("elasticsearch"),
]


@pytest.fixture
def observer() -> Iterator[Observer]:
    observer = Observer()
    yield observer
    observer.close()


@pytest.fixture
def goal() -> Iterator[str]:
    """A goal that has processed 40 records."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            goals = [{"goal": "client-rate", "state": "running", "batch": 3, "offset_total": 40, "lag_records": 0}]
            body = json.dumps({"pipeline": "w", "goals": goals}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def look_until(look: Callable[[], Facts], condition: Callable[[Facts], object]) -> Facts:
    deadline = time.monotonic() + SECONDS
    while not condition(facts := look()):
        assert time.monotonic() < deadline, f"not within {SECONDS} s: {facts}"
        time.sleep(0.5)
    return facts


def test_a_pipeline_is_made_right_and_counted(
    observer: Observer, kafka: Broker, connect: ConnectWorker, elasticsearch: Elasticsearch, goal: str
) -> None:
    pipeline = a_pipeline()
    endpoints = Endpoints(kafka.bootstrap_servers, 1, {"client-rate": goal}, connect.url, elasticsearch.url)

    def look() -> Facts:
        return observer.observe(pipeline, endpoints, {connect_secret_name(pipeline): connect.credential}, CHILDREN)

    facts = look_until(look, lambda facts: facts.connector and facts.connector.running == 1)
    assert facts.topics.ready
    assert (facts.kafka.brokers, facts.kafka.in_sync, facts.kafka.records) == (1, True, 0)
    assert facts.index is not None
    assert (facts.index.ready, facts.index.indexed) == (True, 0)
    assert facts.goals["client-rate"].lag == 0
    config = connect.request("GET", f"/connectors/{pipeline.name}-elasticsearch/config")

    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers})
    for number in range(50):
        producer.produce(f"{pipeline.name}.raw", json.dumps(RECORD).encode(), partition=number % 2)
    assert producer.flush(SECONDS) == 0
    facts = look_until(look, lambda facts: facts.kafka.sink_lag == 0 and facts.index and facts.index.indexed == 50)
    assert (facts.kafka.records, facts.kafka.invalid, facts.kafka.dead_letters) == (50, 0, 0)
    assert facts.goals["client-rate"].lag == 10
    assert facts.drained is False
    assert facts.flow.rate is not None
    # A connector that is configured anew starts its tasks anew.
    assert connect.request("GET", f"/connectors/{pipeline.name}-elasticsearch/config") == config

    # Another connector on the pipeline's workers goes, and is told.
    connect.request("PUT", "/connectors/another/config", {**config, "name": "another"})
    facts = look_until(look, lambda facts: facts.removed_connectors)
    assert facts.removed_connectors == ("another",)
    assert connect.request("GET", "/connectors") == [f"{pipeline.name}-elasticsearch"]

    # What somebody else has changed is put back.
    connect.request("PUT", f"/connectors/{pipeline.name}-elasticsearch/config", {**config, "tasks.max": "2"})
    look_until(
        look,
        lambda _: connect.request("GET", f"/connectors/{pipeline.name}-elasticsearch/config") == config,
    )
    connect.request("PUT", f"/connectors/{pipeline.name}-elasticsearch/stop")
    look_until(look, lambda facts: facts.connector and facts.connector.state == "STOPPED")
    look_until(look, lambda facts: facts.connector and facts.connector.running == 1)
    elasticsearch.client().indices.delete(index=pipeline.name)
    facts = look_until(look, lambda facts: facts.index and facts.index.indexed == 0)
    connect.request("DELETE", f"/connectors/{pipeline.name}-elasticsearch")
    look_until(look, lambda facts: facts.connector and facts.connector.running == 1)
    connect.request("DELETE", f"/connectors/{pipeline.name}-elasticsearch")


def test_partitions_that_would_shrink_are_refused_and_the_rest_is_done(observer: Observer, kafka: Broker) -> None:
    pipeline = a_pipeline(sink=None)
    kafka.topic(f"{pipeline.name}.raw", partitions=5)
    facts = observer.observe(pipeline, Endpoints(kafka.bootstrap_servers, 1), {}, CHILDREN)
    assert facts.topics.fault is not None
    assert facts.topics.fault.kind == FaultKind.REFUSED
    assert "spec.source.topic.partitions" in facts.topics.fault.message
    assert facts.kafka.records == 0


class SecuredBroker(Broker):
    """A broker that wants SASL."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        port = free_port()
        self.secured = f"127.0.0.1:{port}"
        text = self._config.read_text()
        plain = next(line for line in text.splitlines() if line.startswith("listeners="))
        login = "org.apache.kafka.common.security.plain.PlainLoginModule"
        write_properties(
            self._config,
            {
                **dict(line.split("=", 1) for line in text.splitlines()),
                "listeners": f"{plain.removeprefix('listeners=')},SASL://{self.secured}",
                "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,"
                "SECURED:SASL_PLAINTEXT,SASL:SASL_PLAINTEXT",
                "sasl.enabled.mechanisms": "PLAIN",
                "listener.name.sasl.plain.sasl.jaas.config": f'{login} required user_alice="right" user_bob="right";',
                "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
                "super.users": "User:ANONYMOUS;User:alice",
            },
        )


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredBroker]:
    broker = SecuredBroker(tmp_path_factory.mktemp("secured"))
    broker.start()
    yield broker
    broker.stop()


@pytest.mark.parametrize(
    ("mechanism", "secret", "kafka_fault", "topics_fault"),
    [
        ("PLAIN", {"username": "alice", "password": "right"}, None, None),
        ("PLAIN", {"username": "alice", "password": "no-such"}, FaultKind.AUTHENTICATION_FAILED, None),
        ("SCRAM-SHA-512", {"username": "alice", "password": "right"}, FaultKind.AUTHENTICATION_FAILED, None),
        ("PLAIN", {"username": "bob", "password": "right"}, None, FaultKind.NOT_AUTHORIZED),
        ("PLAIN", {"username": "alice"}, FaultKind.SECRET_INVALID, None),
        ("PLAIN", None, FaultKind.SECRET_MISSING, None),
    ],
)
def test_faults_of_a_foreign_kafka_are_told_apart(
    observer: Observer,
    secured: SecuredBroker,
    mechanism: str,
    secret: dict[str, str] | None,
    kafka_fault: FaultKind | None,
    topics_fault: FaultKind | None,
) -> None:
    security = {"protocol": "SASL_PLAINTEXT", "mechanism": mechanism, "secretRef": {"name": "kafka-user"}}
    pipeline = a_pipeline(kafka={"external": {"bootstrapServers": secured.secured, "security": security}}, sink=None)
    facts = observer.observe(
        pipeline, Endpoints(secured.secured, None), {"kafka-user": secret} if secret is not None else {}, []
    )
    kinds = [fault.kind if fault else None for fault in (facts.kafka.fault, facts.topics.fault)]
    assert kinds == [kafka_fault, topics_fault]
    for fault in (facts.kafka.fault, facts.topics.fault):
        assert fault is None or "no-such" not in fault.message
        assert fault is None or "kafka-user" in fault.message or "SASL mechanism" in fault.message
