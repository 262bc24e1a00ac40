"""From the resource to a run: where everything is, who is asked, and which part needs which."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from logpipeline.api import LogPipeline
from logpipeline.elastic.index import PipelineIndex, connect
from logpipeline.kafka.connect import connector_config, connector_name
from logpipeline.kafka.properties import client_properties
from logpipeline.kafka.security import Credentials, check_credentials, java_settings, librdkafka_settings
from logpipeline.lake.place import SECRET_FIELD
from logpipeline.local.broker import Broker
from logpipeline.local.components import Place
from logpipeline.local.connector import Connector
from logpipeline.local.generator import Generator
from logpipeline.local.goals import Goals
from logpipeline.local.lake import Lake
from logpipeline.local.parts import Part
from logpipeline.local.ports import HOST
from logpipeline.local.secrets import stage_secret
from logpipeline.local.state import StateFolder
from logpipeline.rules import alerts
from logpipeline.store import check
from logpipeline.web import RefusedError, fetch, fetch_json

# Whoever names an external service expects it to be there.
_OUTSIDE_SECONDS = 30.0


@dataclass
class Clients:
    """Those who are asked how the parts are."""

    broker: Broker
    goals: Goals
    generator: Generator | None = None
    index: PipelineIndex | None = None
    connector: Connector | None = None
    lake: Lake | None = None


@dataclass(frozen=True)
class _Security:
    """Settings of clients of the pipeline's Kafka and the folder of its Secret, the Secret of its Elasticsearch; and
    the folders of the Secrets of those who are told of detections.
    """

    kafka: dict[str, str] = field(default_factory=dict)
    java: dict[str, str] = field(default_factory=dict)
    kafka_secret: Path | None = None
    elasticsearch: Credentials | None = None
    receivers: dict[str, str] = field(default_factory=dict)
    lake: Path | None = None


def stage_secrets(pipeline: LogPipeline, state: StateFolder, given: Path | None) -> _Security:
    """Return the security settings of the external services; raises LogPipelineError for a secret that is not there."""
    kafka: dict[str, str] = {}
    java: dict[str, str] = {}
    kafka_secret = None
    if (external := pipeline.spec.kafka.external) is not None:
        credentials = None
        if (reference := external.security.secret_ref) is not None:
            where = "spec.kafka.external.security.secretRef"
            kafka_secret = state / "secrets" / "kafka"
            credentials = stage_secret(reference.name, where, given, kafka_secret)
        check_credentials(external.security, credentials)
        kafka = librdkafka_settings(external.security, credentials)
        java = java_settings(external.security, credentials)
    sink = pipeline.spec.sink
    elasticsearch = None
    if (
        sink is not None
        and sink.elasticsearch.external is not None
        and sink.elasticsearch.external.secret_ref is not None
    ):
        name, where = sink.elasticsearch.external.secret_ref.name, "spec.sink.elasticsearch.external.secretRef"
        elasticsearch = stage_secret(name, where, given, state / "secrets" / "elasticsearch")
    receivers = _receiver_secrets(pipeline, state, given)
    return _Security(kafka, java, kafka_secret, elasticsearch, receivers, _lake_secret(pipeline, state, given))


def _lake_secret(pipeline: LogPipeline, state: StateFolder, given: Path | None) -> Path | None:
    lake = pipeline.spec.lake
    if lake is None or lake.secret_ref is None:
        return None
    folder = state / "secrets" / "lake"
    check(stage_secret(lake.secret_ref.name, SECRET_FIELD, given, folder).values, SECRET_FIELD)
    return folder


def _receiver_secrets(pipeline: LogPipeline, state: StateFolder, given: Path | None) -> dict[str, str]:
    folders: dict[str, str] = {}
    alerting = pipeline.spec.alerting
    if alerting is None:
        return folders
    for use, name in alerting.secrets().items():
        folder = state / "secrets" / use
        stage_secret(name, f"spec.alerting.{use}.secretRef", given, folder)
        folders[use] = str(folder)
    return folders


def place_of(
    pipeline: LogPipeline, state: StateFolder, distribution: Path, ports: dict[str, int], security: _Security
) -> Place:
    """Return where the run is, its clients' settings written to files."""
    sink, external = pipeline.spec.sink, pipeline.spec.kafka.external
    url = None
    if sink is not None:
        managed = sink.elasticsearch.managed is not None
        url = f"http://{HOST}:{ports['elasticsearch']}" if managed else sink.elasticsearch.external.url  # type: ignore[union-attr]
    secured = security.kafka.get("security.protocol", "PLAINTEXT") != "PLAINTEXT"
    client_file = state.write_config("kafka-client.properties", client_properties(security.kafka)) if secured else None
    return Place(
        root=state.root,
        distribution=distribution,
        ports=ports,
        bootstrap_servers=external.bootstrap_servers if external else f"{HOST}:{ports['kafka']}",
        elasticsearch_url=url,
        brokers=1 if external is None else None,
        java_client=security.java,
        kafka_secret=security.kafka_secret,
        client_file=client_file,
        elasticsearch_secret=security.elasticsearch.folder if security.elasticsearch else None,
        receiver_secrets=security.receivers,
        lake_secret=security.lake,
    )


def clients_of(pipeline: LogPipeline, place: Place, security: _Security) -> Clients:
    """Return the clients of the run's parts; none of them has connected yet."""
    settings = {"bootstrap.servers": place.bootstrap_servers, **security.kafka}
    clients = Clients(
        broker=Broker(settings, place.ports.get("kafka")),
        goals=Goals(place.ports["goals"], [goal.name for goal in pipeline.spec.goals]),
    )
    if "lake" in place.ports:
        clients.lake = Lake(place.ports["lake"])
    if "generator" in place.ports:
        clients.generator = Generator(place.ports["generator"])
    sink = pipeline.spec.sink
    if sink is not None and place.elasticsearch_url is not None:
        secret = security.elasticsearch
        values = secret.values if secret else {}
        client = connect(place.elasticsearch_url, values, timeout=2.0)
        # A lone node has nowhere to put a replica; how many an external one holds is its own affair.
        clients.index = PipelineIndex(client, pipeline, replicas=0 if sink.elasticsearch.managed else None)
        config = connector_config(
            pipeline,
            url=place.elasticsearch_url,
            brokers=place.brokers,
            secret_folder=secret.folder if secret else None,
            secret_keys=frozenset(values),
        )
        clients.connector = Connector(f"http://{HOST}:{place.ports['connect']}", connector_name(pipeline), config)
    return clients


def parts_of(pipeline: LogPipeline, place: Place, clients: Clients, start: Callable[[str], None]) -> list[Part]:
    """Return the parts of the run; `start` starts a supervised process.

    Kafka and Spark, which a detection needs, come first; what two cores do for Connect and Elasticsearch can wait.
    """

    def process(name: str, check: Callable[[], str | None], *needs: str, address: str | None = None) -> Part:
        return Part(name, check, lambda: start(name), needs, process=name, address=address)

    external = pipeline.spec.kafka.external
    if external is None:
        kafka = process("kafka", clients.broker.check, address=place.bootstrap_servers)
    else:
        kafka = Part("kafka", clients.broker.check, address=place.bootstrap_servers)
        kafka.outside, kafka.limit_seconds = "spec.kafka.external.bootstrapServers", _OUTSIDE_SECONDS
    topics = Part("topics", lambda: clients.broker.ensure_topics(pipeline), needs=("kafka",), once=True)
    # Spark takes longer to start than Kafka; the goals wait for their topic themselves.
    parts = [kafka, topics, process("goals", clients.goals.check)]
    if clients.generator is not None:
        parts.append(process("generator", clients.generator.check, "topics"))
    if clients.lake is not None:
        lake = process("lake", clients.lake.check)
        # One more JVM beside all that start: on two cores detection would wait for history for two minutes.
        lake.later = True
        parts.append(lake)
    if alerts(pipeline):
        bridge = f"http://{HOST}:{place.ports['alert-bridge']}/readyz"
        parts.append(process("alert-bridge", lambda: _unhealthy(bridge), "topics"))
    console = f"http://{HOST}:{place.ports['console']}"
    parts.append(process("console", lambda: _unhealthy(console), "topics", address=console))
    if clients.index is not None and clients.connector is not None:
        parts += _sink_parts(pipeline, place, clients.index, clients.connector, process)
    return parts


def _unhealthy(url: str) -> str | None:
    try:
        fetch(url)
    except (OSError, RefusedError) as error:
        return str(error)
    return None


def _sink_parts(
    pipeline: LogPipeline, place: Place, index: PipelineIndex, connector: Connector, process: Callable[..., Part]
) -> list[Part]:
    sink = pipeline.spec.sink
    assert sink is not None
    if sink.elasticsearch.managed is not None:
        elasticsearch = process("elasticsearch", index.unreachable, "topics", address=place.elasticsearch_url)
    else:
        elasticsearch = Part("elasticsearch", index.unreachable, address=place.elasticsearch_url)
        elasticsearch.outside, elasticsearch.limit_seconds = "spec.sink.elasticsearch.external.url", _OUTSIDE_SECONDS
    url = f"http://{HOST}:{place.ports['connect']}"

    def worker() -> str | None:
        try:
            fetch_json(url)
        except (OSError, RefusedError, ValueError):
            return "the worker does not answer yet"
        return None

    return [
        elasticsearch,
        Part("index", index.ensure, needs=("elasticsearch",), once=True),
        process("connect", worker, "topics", address=url),
        Part("connector", connector.check, connector.configure, ("connect", "index")),
    ]
