"""Secrets as the pods see them: mounted as folders, known here by their keys and a digest alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from logpipeline.api import LogPipeline
from logpipeline.kafka.security import CredentialReferences, java_settings, librdkafka_settings
from logpipeline_operator.desired.generated import connect_secret_name, generated_secrets, spark_secret_name
from logpipeline_operator.desired.pods import Volume

KAFKA_SECRET = "/etc/logpipeline/kafka-secret"  # noqa: S105 - a folder
ELASTICSEARCH_SECRET = "/etc/logpipeline/elasticsearch-secret"  # noqa: S105 - a folder
CONSOLE_SECRET = "/etc/logpipeline/console-secret"  # noqa: S105 - a folder
CHECKPOINT_SECRET = "/etc/logpipeline/checkpoint-secret"  # noqa: S105 - a folder
LAKE_SECRET = "/etc/logpipeline/lake-secret"  # noqa: S105 - a folder
CONNECT_SECRET = "/etc/logpipeline/connect-secret"  # noqa: S105 - a folder
SPARK_SECRET = "/etc/logpipeline/spark-secret"  # noqa: S105 - a folder
_RECEIVER_SECRETS = "/etc/logpipeline"
_OWNER_AND_GROUP = 0o440


@dataclass(frozen=True)
class SecretFacts:
    """What may be known of a Secret: the names of its entries, and a digest of their contents.

    The digest goes into the pods that mount the Secret, so that a rotated one rolls them.
    """

    keys: frozenset[str]
    digest: str


@dataclass(frozen=True)
class SecretMount:
    """A Secret in a pod: its name, the folder where it is mounted, what is known of it."""

    name: str
    folder: str
    facts: SecretFacts

    def volume(self, volume: str) -> Volume:
        """Return it as a volume with the name `volume`."""
        source = {"secret": {"secretName": self.name, "defaultMode": _OWNER_AND_GROUP}}
        return Volume(volume, self.folder, source, read_only=True)


# The pods of a Secret that is not there yet wait for it; its digest rolls them when it comes.
_ABSENT = SecretFacts(frozenset(), "absent")


def secret_names(pipeline: LogPipeline) -> list[str]:
    """Return the names of the Secrets that a pipeline refers to, and of those that are generated for it."""
    external, sink = pipeline.spec.kafka.external, pipeline.spec.sink
    references = [external.security.secret_ref if external else None]
    if sink is not None and sink.elasticsearch.external is not None:
        references.append(sink.elasticsearch.external.secret_ref)
    if pipeline.spec.console is not None:
        references.append(pipeline.spec.console.secret_ref)
    if pipeline.spec.lake is not None:
        references.append(pipeline.spec.lake.secret_ref)
    references.append(pipeline.spec.spark.checkpoint.secret_ref)
    names = {reference.name for reference in references if reference is not None}
    names |= {secret.name for secret in generated_secrets(pipeline)}
    return sorted(names.union(pipeline.spec.alerting.secrets().values() if pipeline.spec.alerting else ()))


def kafka_secret(pipeline: LogPipeline, secrets: Mapping[str, SecretFacts]) -> SecretMount | None:
    """Return the Secret of the external Kafka, None when there is none."""
    external = pipeline.spec.kafka.external
    if external is None or external.security.secret_ref is None:
        return None
    name = external.security.secret_ref.name
    return SecretMount(name, KAFKA_SECRET, secrets.get(name, _ABSENT))


def elasticsearch_secret(pipeline: LogPipeline, secrets: Mapping[str, SecretFacts]) -> SecretMount | None:
    """Return the Secret of the external Elasticsearch, None when there is none."""
    external = pipeline.spec.sink.elasticsearch.external if pipeline.spec.sink else None
    if external is None or external.secret_ref is None:
        return None
    return SecretMount(external.secret_ref.name, ELASTICSEARCH_SECRET, secrets.get(external.secret_ref.name, _ABSENT))


def receiver_secrets(pipeline: LogPipeline, secrets: Mapping[str, SecretFacts]) -> dict[str, SecretMount]:
    """Return the Secrets of those who are told of detections, by their field in spec.alerting."""
    alerting = pipeline.spec.alerting
    return {
        use: SecretMount(name, f"{_RECEIVER_SECRETS}/{use}-secret", secrets.get(name, _ABSENT))
        for use, name in (alerting.secrets() if alerting else {}).items()
    }


def console_secret(pipeline: LogPipeline, secrets: Mapping[str, SecretFacts]) -> SecretMount | None:
    """Return the Secret with the console's token, None when there is none."""
    console = pipeline.spec.console
    if console is None or console.secret_ref is None:
        return None
    return SecretMount(console.secret_ref.name, CONSOLE_SECRET, secrets.get(console.secret_ref.name, _ABSENT))


def lake_secret(pipeline: LogPipeline, secrets: Mapping[str, SecretFacts]) -> SecretMount | None:
    """Return the Secret with the keys of the lake's store, None when there is none."""
    lake = pipeline.spec.lake
    if lake is None or lake.secret_ref is None:
        return None
    return SecretMount(lake.secret_ref.name, LAKE_SECRET, secrets.get(lake.secret_ref.name, _ABSENT))


def checkpoint_secret(pipeline: LogPipeline, secrets: Mapping[str, SecretFacts]) -> SecretMount | None:
    """Return the Secret with the keys of the store of checkpoints, None when there is none."""
    reference = pipeline.spec.spark.checkpoint.secret_ref
    if reference is None:
        return None
    return SecretMount(reference.name, CHECKPOINT_SECRET, secrets.get(reference.name, _ABSENT))


def connect_secret(pipeline: LogPipeline, secrets: Mapping[str, SecretFacts]) -> SecretMount | None:
    """Return the generated Secret with the credential of Connect's REST API, None for a pipeline without a sink."""
    if pipeline.spec.sink is None:
        return None
    name = connect_secret_name(pipeline)
    return SecretMount(name, CONNECT_SECRET, secrets.get(name, _ABSENT))


def spark_secret(pipeline: LogPipeline, secrets: Mapping[str, SecretFacts]) -> SecretMount | None:
    """Return the generated Secret that drivers and executors share, None for a pipeline without executors."""
    if not pipeline.spec.spark.executors:
        return None
    name = spark_secret_name(pipeline)
    return SecretMount(name, SPARK_SECRET, secrets.get(name, _ABSENT))


def _references(pipeline: LogPipeline, secret: SecretMount | None) -> CredentialReferences | None:
    """Return credentials whose values say where they are to be found."""
    if secret is None:
        return None
    external = pipeline.spec.kafka.external
    assert external is not None
    # Settings cannot be written without these two; whether they are there is told in the status, not here.
    needed = {"username", "password"} if external.security.protocol.startswith("SASL") else set()
    pair = {"tls.crt", "tls.key"}
    keys = (secret.facts.keys if pair <= secret.facts.keys else secret.facts.keys - pair) | needed
    return CredentialReferences(keys, secret.folder)


def java_client(pipeline: LogPipeline, secret: SecretMount | None) -> dict[str, str]:
    """Return the security settings of a Java client of the pipeline's Kafka, with references to what is secret."""
    external = pipeline.spec.kafka.external
    return java_settings(external.security, _references(pipeline, secret)) if external else {}


def librdkafka_client(pipeline: LogPipeline, secret: SecretMount | None) -> dict[str, str]:
    """Return the security settings of a librdkafka client, with the same references; empty for a plain one."""
    external = pipeline.spec.kafka.external
    if external is None or external.security.protocol == "PLAINTEXT":
        return {}
    return librdkafka_settings(external.security, _references(pipeline, secret))
