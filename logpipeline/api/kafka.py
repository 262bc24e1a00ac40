"""The Kafka that carries the pipeline: one we run, or one that is there already."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from logpipeline.api.base import (
    NOT_BOOLEAN,
    Matching,
    Model,
    ObjectName,
    Port,
    Quantity,
    SecretReference,
    Settings,
    part,
)
from logpipeline.api.cel import CelRule, exactly_one, fixed, one_of_fault
from logpipeline.api.pods import Workload


class Storage(Model):
    """A volume."""

    size: Quantity = Field("10Gi", description="Size of the volume of each replica; grows only.")
    storage_class: ObjectName | None = Field(None, description="StorageClass; absent: the cluster's default.")

    cel: ClassVar = (
        CelRule(
            "storage-grows",
            "!isQuantity(self.size) || quantity(self.size).compareTo(quantity(oldSelf.size)) >= 0",
            "a volume never shrinks; write at least its present size",
            "'a volume of ' + oldSelf.size + ' never shrinks to ' + self.size + '; write at least ' + oldSelf.size",
            field="size",
        ),
        fixed("storage-class-fixed", "storageClass", "a volume never moves to another class; take the change back"),
    )


class ManagedKafka(Workload):
    """A Kafka (KRaft) of the pipeline's own."""

    replicas: Annotated[Literal[1, 3], NOT_BOOLEAN] = Field(1, description="Brokers; 3 survive the loss of one.")
    storage: Storage = part(Storage, "Volume of each broker.")
    port: Port | None = Field(
        None, description="Port of the client listener; absent: 9092, or a free one on one machine."
    )
    config: Settings = Field(
        default_factory=dict, description="Broker properties to add; those that the pipeline stands on win."
    )

    cel: ClassVar = (
        fixed(
            "brokers-fixed",
            "replicas",
            "the brokers' quorum is formed once; take the change back, or create another pipeline with 3 brokers",
        ),
    )


_PLAINTEXT = "protocol PLAINTEXT sends no credentials; write SASL_SSL or SSL, or leave secretRef out"


class KafkaSecurity(Model):
    """How clients talk to an external Kafka; the names are those of Kafka's client configuration."""

    protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="security.protocol"
    )
    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field("SCRAM-SHA-512", description="sasl.mechanism")
    secret_ref: SecretReference | None = Field(
        None, description="Secret with username and password (SASL), ca.crt (TLS), tls.crt and tls.key (mTLS)."
    )

    cel: ClassVar = (
        CelRule(
            "sasl-needs-secret",
            "!self.protocol.startsWith('SASL') || has(self.secretRef)",
            "a SASL protocol needs secretRef: the Secret that holds username and password",
            "'protocol ' + self.protocol + ' needs secretRef: the Secret that holds username and password'",
        ),
        CelRule("plaintext-has-no-secret", "self.protocol != 'PLAINTEXT' || !has(self.secretRef)", _PLAINTEXT),
    )

    @model_validator(mode="after")
    def _secret_is_named(self) -> KafkaSecurity:
        if self.protocol.startswith("SASL") and self.secret_ref is None:
            raise ValueError(f"protocol {self.protocol} needs secretRef: the Secret that holds username and password")
        if self.protocol == "PLAINTEXT" and self.secret_ref is not None:
            raise ValueError(_PLAINTEXT)
        return self


class ExternalKafka(Model):
    """A Kafka that is there already."""

    bootstrap_servers: Annotated[
        str,
        Field(max_length=2000),
        Matching(
            "bootstrap-servers",
            r"^[^\s,:]+:[0-9]{1,5}(,[^\s,:]+:[0-9]{1,5})*$",
            "is not a list of brokers; write host:port, several with commas between",
        ),
    ] = Field(description="host:port, several with commas between.")
    pipeline_name: (
        Annotated[
            str,
            Field(max_length=120),
            Matching(
                "pipeline-name-on-kafka",
                r"^[a-zA-Z0-9_-][a-zA-Z0-9._-]*$",
                "is not a name on a Kafka; use letters, digits, dots, underscores and hyphens, the first no dot",
            ),
        ]
        | None
    ) = Field(
        None,
        description="What the pipeline is called on this Kafka; its own there alone. Topics that the resource does not "
        "name, consumer groups, the sink connector and the group of its workers are called after it. Absent: "
        "<namespace>.<name> on a cluster, the pipeline's name on one machine.",
    )
    security: KafkaSecurity = part(KafkaSecurity, "How to talk to it.")


_WHERE = ("managed", "external")


class Kafka(Model):
    """Exactly one of managed and external."""

    managed: ManagedKafka | None = Field(None, description="Run a Kafka for this pipeline.")
    external: ExternalKafka | None = Field(None, description="Use a Kafka that is there.")

    cel: ClassVar = (
        exactly_one("kafka", _WHERE),
        CelRule(
            "kafka-stays",
            "has(self.managed) == has(oldSelf.managed)",
            "a running pipeline never moves to another Kafka, for its records and offsets would stay behind; create "
            "another pipeline",
        ),
    )

    @model_validator(mode="after")
    def _exactly_one(self) -> Kafka:
        if (self.managed is None) == (self.external is None):
            raise ValueError(one_of_fault(_WHERE, [name for name in _WHERE if getattr(self, name) is not None]))
        return self
