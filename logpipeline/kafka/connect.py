"""Settings of the Kafka Connect workers and of the connector that carries the raw records to Elasticsearch."""

from __future__ import annotations

from collections.abc import Mapping

from logpipeline.api import LogPipeline
from logpipeline.kafka.properties import QUOTED, SECRETS, secret_reference
from logpipeline.kafka.topics import WRAPPED_BYTES

_PROVIDERS = {
    SECRETS: "dev.logpipeline.connect.secrets.MountedSecrets",
    QUOTED: "dev.logpipeline.connect.secrets.QuotedSecrets",
}
OUR_CONNECTOR = "dev.logpipeline.connect.ElasticsearchSinkConnector"
_BYTES = "org.apache.kafka.connect.converters.ByteArrayConverter"


def connector_name(pipeline: LogPipeline) -> str:
    """Return the connector's name."""
    return f"{pipeline.name_on_kafka}-elasticsearch"


def sink_group(pipeline: LogPipeline) -> str:
    """Return the consumer group by which Connect reads for the connector: it names the groups of sinks itself."""
    return f"connect-{connector_name(pipeline)}"


def worker_properties(
    pipeline: LogPipeline,
    *,
    bootstrap_servers: str,
    brokers: int | None,
    port: int,
    plugin_path: str,
    secret_folders: list[str],
    client: Mapping[str, str],
    host: str = "127.0.0.1",
) -> dict[str, str]:
    """Return the properties of a distributed worker.

    `brokers` is None for a Kafka that is not ours: its own default says how often a topic is kept. `client` are Java
    client settings (security), which the worker and each of its clients needs; `secret_folders` are the folders whose
    files a connector, or `client`, may refer to. `host` is the address that the worker listens on and that the others
    forward to; empty: it listens on all, and the others use its machine's own address.
    """
    assert pipeline.spec.sink is not None
    replicas = -1 if brokers is None else min(3, brokers)
    settings = {
        "bootstrap.servers": bootstrap_servers,
        "group.id": f"{pipeline.name_on_kafka}-connect",
        "listeners": f"http://{host}:{port}",
        "plugin.path": plugin_path,
        # Scanning every jar for connectors takes seconds; ours is declared in META-INF/services.
        "plugin.discovery": "SERVICE_LOAD",
        "key.converter": _BYTES,
        "value.converter": _BYTES,
        # How much is read twice after a crash; the connector's document ids make that harmless.
        "offset.flush.interval.ms": "10000",
        # A worker that crashed takes its tasks back when it returns. Kafka's default leaves them unassigned for five
        # minutes.
        "scheduled.rebalance.max.delay.ms": "0" if pipeline.spec.sink.connect.replicas == 1 else "30000",
        # A dead letter carries the whole record and why it was refused.
        "producer.max.request.size": str(WRAPPED_BYTES),
    }
    if host:
        settings["rest.advertised.host.name"] = host
    for store, topic in pipeline.connect_topics().items():
        settings[f"{store}.storage.topic"] = topic
        settings[f"{store}.storage.replication.factor"] = str(replicas)
    # One connector's worth: Kafka's defaults (25 and 5) only cost time at the first start.
    settings |= {"offset.storage.partitions": "1", "status.storage.partitions": "1"}
    if secret_folders:
        settings["config.providers"] = ",".join(_PROVIDERS)
        for provider, implementation in _PROVIDERS.items():
            settings[f"config.providers.{provider}.class"] = implementation
            settings[f"config.providers.{provider}.param.allowed.paths"] = ",".join(secret_folders)
    for prefix in ("", "producer.", "consumer.", "admin."):
        settings |= {f"{prefix}{key}": value for key, value in client.items()}
    return settings


def connector_config(
    pipeline: LogPipeline, *, url: str, brokers: int | None, secret_folder: str | None, secret_keys: frozenset[str]
) -> dict[str, str]:
    """Return the configuration of the sink connector.

    `url` is one or more hosts with commas between; `secret_folder` is where the workers find the Secret's `secret_keys`
    as files. No secret stands in the configuration, for Connect shows that to everyone. The user's own settings win
    over what is a matter of taste, and never over what the pipeline stands on.
    """
    sink, source = pipeline.spec.sink, pipeline.spec.source
    assert sink is not None
    topics = pipeline.topics()
    dead_letters = topics["sink-dead-letters"]
    assert dead_letters.replicas is not None
    config = {
        "key.converter": _BYTES,
        "value.converter": _BYTES,
        # Bulk requests of thousands cost Elasticsearch a tenth of what hundreds do; a quiet topic waits half a second
        # at most.
        "consumer.override.max.poll.records": "4000",
        "consumer.override.fetch.min.bytes": "200000",
        "consumer.override.fetch.max.wait.ms": "500",
        # Partitions that somebody adds are found in half a minute, not in five: their records wait, nobody sees why.
        "consumer.override.metadata.max.age.ms": "30000",
        # After a worker's crash its tasks wait for the old ones' sessions to end: 45 s by default.
        "consumer.override.session.timeout.ms": "15000",
        **sink.connect.config,
        "connector.class": sink.connect.connector_class,
        "tasks.max": str(sink.connect.tasks_max),
        "topics": topics["raw"].name or "",
        "connection.url": url,
        "errors.tolerance": "all",
        "errors.deadletterqueue.topic.name": dead_letters.name or "",
        "errors.deadletterqueue.topic.replication.factor": str(
            min(dead_letters.replicas, brokers or dead_letters.replicas)
        ),
        "errors.deadletterqueue.context.headers.enable": "true",
        "consumer.override.auto.offset.reset": "earliest",
    }
    if secret_folder is not None:
        for key, setting in (
            ("username", "connection.username"),
            ("password", "connection.password"),
            ("apiKey", "connection.api.key"),
        ):
            if key in secret_keys:
                config[setting] = secret_reference(secret_folder, key)
        if "ca.crt" in secret_keys:
            config["connection.ssl.ca"] = f"{secret_folder}/ca.crt"
    if sink.connect.connector_class == OUR_CONNECTOR:
        config |= {
            "key.converter": _BYTES,
            "value.converter": _BYTES,
            "index": pipeline.index() + ("-${date}" if sink.elasticsearch.retention else ""),
            "record.format": source.format,
        }
        if source.format == "json":
            config |= {
                "record.timestamp.field": source.timestamp.field,
                "record.timestamp.format": source.timestamp.format,
            }
            if source.fields:
                config["record.fields"] = ",".join(f"{column}={path}" for column, path in source.fields.items())
    return config
