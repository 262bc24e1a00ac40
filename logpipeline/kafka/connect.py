"""Settings of the Kafka Connect workers and of the connector that carries the raw records to Elasticsearch."""

from __future__ import annotations

import base64
from collections.abc import Mapping

from logpipeline.api import LogPipeline
from logpipeline.kafka.properties import QUOTED, SECRETS, referenced_files, secret_reference
from logpipeline.kafka.topics import WRAPPED_BYTES

_PROVIDERS = {
    SECRETS: "dev.logpipeline.connect.secrets.MountedSecrets",
    QUOTED: "dev.logpipeline.connect.secrets.QuotedSecrets",
}
OUR_CONNECTOR = "dev.logpipeline.connect.ElasticsearchSinkConnector"
REST_EXTENSION = "org.apache.kafka.connect.rest.basic.auth.extension.BasicAuthSecurityRestExtension"
_LOGIN_MODULE = "org.apache.kafka.connect.rest.basic.auth.extension.PropertyFileLoginModule"
# Keys of Elasticsearch's Secret whose values the connector's configuration refers to, and the settings that they are.
_CREDENTIALS = {
    "username": "connection.username",
    "password": "connection.password",
    "apiKey": "connection.api.key",
}
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
    secret_folder: str | None,
    client: Mapping[str, str],
    host: str = "127.0.0.1",
    protected: bool = False,
) -> dict[str, str]:
    """Return the properties of a distributed worker.

    `brokers` is None for a Kafka that is not ours: its own default says how often a topic is kept. `client` are Java
    client settings (security), which the worker and each of its clients needs; `secret_folder` is where Elasticsearch's
    Secret is mounted. Connectors may refer to the files that ours refers to and to those of `client`, and to no others.
    `protected`: requests need a credential, see `jaas_configuration`. `host` is the address that the worker listens on
    and that the others forward to; empty: it listens on all, and the others use its machine's own address.
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
    if protected:
        settings["rest.extension.classes"] = REST_EXTENSION
    if files := sorted(_connector_files(pipeline, secret_folder) | referenced_files(client)):
        settings["config.providers"] = ",".join(_PROVIDERS)
        for provider, implementation in _PROVIDERS.items():
            settings[f"config.providers.{provider}.class"] = implementation
            settings[f"config.providers.{provider}.param.allowed.files"] = ",".join(files)
    for prefix in ("", "producer.", "consumer.", "admin."):
        settings |= {f"{prefix}{key}": value for key, value in client.items()}
    return settings


def _connector_files(pipeline: LogPipeline, secret_folder: str | None) -> set[str]:
    assert pipeline.spec.sink is not None
    if secret_folder is None:
        return set()
    # A connector class of the user's own may need further keys of the Secret.
    own = {path for path in referenced_files(pipeline.spec.sink.connect.config) if path.startswith(f"{secret_folder}/")}
    return own | {f"{secret_folder}/{key}" for key in _CREDENTIALS}


def jaas_configuration(users: str) -> str:
    """Return the JAAS file by which a protected worker knows its users: `users` is the path of a properties file of
    name=password.
    """
    return f'KafkaConnect {{\n  {_LOGIN_MODULE} required file="{users}";\n}};\n'


def authorization(values: Mapping[str, str]) -> dict[str, str]:
    """Return the HTTP headers of a request to a protected worker, given the Secret's `username` and `password`."""
    pair = f"{values['username']}:{values['password']}"
    return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


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
        for key, setting in _CREDENTIALS.items():
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
