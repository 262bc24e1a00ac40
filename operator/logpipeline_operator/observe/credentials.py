"""The values of the user's Secrets as the clients take them; what is wrong with them is told by their keys. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from logpipeline.api import LogPipeline
from logpipeline.errors import LogPipelineError
from logpipeline.kafka.connect import authorization
from logpipeline.kafka.security import Credentials, check_credentials, librdkafka_settings
from logpipeline_operator.desired.generated import connect_secret_name
from logpipeline_operator.observe.facts import FaultKind
from logpipeline_operator.observe.faults import PeerError

SecretValues = Mapping[str, Mapping[str, str]]

# The metadata of 50 000 partitions and more.
_MOST_BYTES = 8 << 20
_PEM = ("ca.crt", "tls.crt", "tls.key")


def kafka_secret_name(pipeline: LogPipeline) -> str | None:
    """Return the name of the Secret of the external Kafka, None when there is none."""
    external = pipeline.spec.kafka.external
    return external.security.secret_ref.name if external and external.security.secret_ref else None


def elasticsearch_secret_name(pipeline: LogPipeline) -> str | None:
    """Return the name of the Secret of the external Elasticsearch, None when there is none."""
    external = pipeline.spec.sink.elasticsearch.external if pipeline.spec.sink else None
    return external.secret_ref.name if external and external.secret_ref else None


def kafka_client(pipeline: LogPipeline, bootstrap_servers: str, secrets: SecretValues) -> dict[str, str]:
    """Return the settings of a client of the pipeline's Kafka; raises PeerError for a Secret that cannot be used."""
    settings = {
        "bootstrap.servers": bootstrap_servers,
        "client.id": "logpipeline-operator",
        # A broker that refuses us is tried every 50 ms otherwise.
        "reconnect.backoff.ms": "500",
        "socket.connection.setup.timeout.ms": "3000",
        # What we ask has a short answer; whoever sends a long one would fill the memory of all. A client refuses to
        # take less than it would fetch.
        "fetch.max.bytes": str(_MOST_BYTES),
        "receive.message.max.bytes": str(_MOST_BYTES + 512),
    }
    external = pipeline.spec.kafka.external
    if external is None:
        return settings
    name = kafka_secret_name(pipeline)
    if name is None:
        return settings | librdkafka_settings(external.security, None)
    values = _usable(name, secrets)
    credentials = Credentials(values, "")
    try:
        check_credentials(external.security, credentials)
    except LogPipelineError as error:
        raise PeerError(FaultKind.SECRET_INVALID, error.message) from error
    return settings | librdkafka_settings(external.security, credentials, inline=True)


def elasticsearch_secret(pipeline: LogPipeline, secrets: SecretValues) -> Mapping[str, str]:
    """Return the entries of the Secret of the external Elasticsearch, none without one; raises PeerError."""
    name = elasticsearch_secret_name(pipeline)
    if name is None:
        return {}
    values = _usable(name, secrets)
    if "username" in values and "password" not in values:
        raise PeerError(FaultKind.SECRET_INVALID, f"the Secret {name!r} has username and no password")
    if not {"apiKey", "username", "ca.crt"} & set(values):
        raise PeerError(FaultKind.SECRET_INVALID, f"the Secret {name!r} has no apiKey, no username and no ca.crt")
    return values


def connect_headers(pipeline: LogPipeline, secrets: SecretValues) -> dict[str, str]:
    """Return the HTTP headers of a request to the pipeline's Connect workers; raises PeerError without their Secret."""
    values = _usable(connect_secret_name(pipeline), secrets)
    if not {"username", "password"} <= values.keys():
        raise PeerError(
            FaultKind.SECRET_INVALID, f"the Secret {connect_secret_name(pipeline)!r} has no username and password"
        )
    return authorization(values)


def _usable(name: str, secrets: SecretValues) -> Mapping[str, str]:
    values = secrets.get(name)
    if values is None:
        raise PeerError(FaultKind.SECRET_MISSING, f"there is no Secret {name!r} in the namespace")
    for key in _PEM:
        if key in values and "-----BEGIN " not in values[key]:
            raise PeerError(FaultKind.SECRET_INVALID, f"{key} in the Secret {name!r} is not PEM text")
    return values
