"""A pipeline on a Kafka and an Elasticsearch that others run, behind TLS, passwords and certificates.

The tests of this file are the life of one pipeline, in their order.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from certificates import Authority
from external_services import Services, User, secret
from installation import Operator
from kubectl import CommandError, Namespace, run, wait_for
from pipelines_on_cluster import Pipeline, resource

# What breaks a settings file, a shell or a text in quotes when it is not treated right, with a word to look for.
USER = User("pipeline", r"""p"a\s$w{o}rd'#;Bz4right""")
WRONG_KAFKA, WRONG_SEARCH = r'"\$Qx7kafka', r'"\$Qx7search'
KAFKA_SECRET, SEARCH_SECRET, CERTIFICATE_SECRET = "kafka-access", "search-access", "kafka-certificate"


class World:
    """The services, their credentials and the pipeline between them."""

    def __init__(self, namespace: Namespace, folder: Path) -> None:
        self.namespace = namespace
        self.authority = Authority(folder)
        self.client = self.authority.issue("client")
        self.services = Services(namespace, self.authority, USER)
        security = {"protocol": "SASL_SSL", "mechanism": "SCRAM-SHA-512", "secretRef": {"name": KAFKA_SECRET}}
        search = {"url": self.services.url, "secretRef": {"name": SEARCH_SECRET}}
        document = resource(
            "web",
            "client-rate",
            kafka={"external": {"bootstrapServers": self.services.scram, "security": security}},
            sink={"elasticsearch": {"external": search, "retention": "7d"}},
        )
        self.pipeline = Pipeline(namespace, document)
        self.pipeline.bootstrap = self.services.plain_kafka

    def put_secrets(self, kafka: str, search: str) -> None:
        """Create or replace both Secrets, the second with the line break that `echo` puts at the end."""
        known = {"username": USER.name, "ca.crt": self.authority.certificate}
        self.namespace.apply(
            secret(KAFKA_SECRET, {**known, "password": kafka}),
            secret(SEARCH_SECRET, {**known, "password": f"{search}\n"}),
        )

    def leaks(self, operator: Operator) -> list[str]:
        """Where something shows that stands in a Secret: objects, logs of all pods, what Connect tells."""
        passwords = (USER.password, WRONG_KAFKA, WRONG_SEARCH)
        words = {"Bz4right", "Qx7kafka", "Qx7search", self.client.key.splitlines()[2]}
        words |= {base64.b64encode(text.encode()).decode() for text in passwords}
        kinds = run("kubectl", "api-resources", "--namespaced", "--verbs=list", "--output=name").split()
        texts = {
            kind: self.namespace.kubectl("get", kind, "--output=json", "--show-managed-fields")
            for kind in kinds
            if kind != "secrets"
        }
        for pod in self.namespace.list("pods"):
            name = pod["metadata"]["name"]
            for when in ("--previous=false", "--previous"):
                texts[f"log of {name} {when}"] = _log(self.namespace, name, when)
        texts["log of the operator"] = operator.logs()
        return [f"{word} in {where}" for where, text in texts.items() for word in words if word in text]


def _log(namespace: Namespace, pod: str, when: str) -> str:
    try:
        return namespace.kubectl("logs", pod, "--all-containers", when)
    except CommandError as error:
        # A container that does not run yet, or never ended, has none.
        return str(error)


@pytest.fixture(scope="module")
def world(
    operator: Operator, new_namespace: Callable[[str], Namespace], tmp_path_factory: pytest.TempPathFactory
) -> World:
    world = World(new_namespace("external"), tmp_path_factory.mktemp("authority"))
    world.services.start()
    return world


def assert_told(pipeline: Pipeline, reason: str, **secrets: str) -> float:
    """Wait for conditions with this reason that name their Secret; returns the seconds until the last was there."""
    began = time.monotonic()
    for kind, name in secrets.items():
        pipeline.wait(kind, "False", reason, seconds=60 - (time.monotonic() - began))
        assert name in pipeline.condition(kind)["message"]
    return time.monotonic() - began


def test_a_secret_that_is_missing_is_named(world: World) -> None:
    world.pipeline.apply()
    assert_told(world.pipeline, "SecretMissing", KafkaReady=KAFKA_SECRET, SinkReady=SEARCH_SECRET)


def test_when_it_comes_the_pipeline_runs_by_itself(world: World) -> None:
    world.put_secrets(USER.password, USER.password)
    world.services.await_ready()
    world.pipeline.wait("Ready")
    world.pipeline.wait("FlowHealthy", seconds=60)


def test_wrong_credentials_are_told_within_a_minute(world: World) -> None:
    world.put_secrets(WRONG_KAFKA, WRONG_SEARCH)
    assert_told(world.pipeline, "AuthenticationFailed", KafkaReady=KAFKA_SECRET, SinkReady=SEARCH_SECRET)


def test_and_shown_nowhere(world: World, operator: Operator) -> None:
    # The pods roll to the wrong credentials, and each tells how it fares with them.
    wait_for(
        "the goal to be refused",
        lambda: "uthentication" in _log(world.namespace, "web-goal-client-rate-0", "--tail=-1"),
        60,
    )
    assert world.leaks(operator) == []


def test_with_the_right_ones_it_goes_on_by_itself(world: World) -> None:
    world.put_secrets(USER.password, USER.password)
    for kind in ("KafkaReady", "SinkReady", "Ready", "FlowHealthy"):
        world.pipeline.wait(kind)


def test_a_client_certificate_instead_of_a_password(world: World) -> None:
    files = {"ca.crt": world.authority.certificate, "tls.crt": world.client.certificate, "tls.key": world.client.key}
    world.namespace.apply(secret(CERTIFICATE_SECRET, files))
    before = offsets(world.pipeline)
    security = {"protocol": "SSL", "secretRef": {"name": CERTIFICATE_SECRET}}
    world.pipeline.patch("/spec/kafka/external", {"bootstrapServers": world.services.mutual, "security": security})
    world.pipeline.wait("Ready")
    wait_for("the goal to go on", lambda: offsets(world.pipeline) > before, 60)


def offsets(pipeline: Pipeline) -> int:
    """How many records the goal has read."""
    goals: list[dict[str, Any]] = pipeline.status()["goals"]
    return sum(goals[0]["offsets"].values())


def test_after_all_of_it_nothing_is_lost_and_nothing_shown(world: World, operator: Operator) -> None:
    pipeline = world.pipeline
    raw = pipeline.stop_traffic()
    assert pipeline.assert_results(raw, "client-rate")["client-rate"] > 10
    index = f"{world.namespace.name}.web"
    assert pipeline.status()["names"] == {"kafka": index, "elasticsearch": index}
    pipeline.await_indexed(raw, world.services.plain_elasticsearch, index)
    assert world.leaks(operator) == []
