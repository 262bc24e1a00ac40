"""The Kafka that carries the pipeline: one we run, or one that is there already."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from logpipeline.api.base import Model, Name, Port, Quantity, SecretReference
from logpipeline.api.pods import Workload


class Storage(Model):
    """A volume."""

    size: Quantity = Field("10Gi", description="Size of the volume of each replica; grows only.")
    storage_class: Name | None = Field(None, description="StorageClass; absent: the cluster's default.")


class ManagedKafka(Workload):
    """A Kafka (KRaft) of the pipeline's own."""

    replicas: Literal[1, 3] = Field(1, description="Brokers; 3 survive the loss of one.")
    storage: Storage = Field(default_factory=Storage, description="Volume of each broker.")
    port: Port | None = Field(
        None, description="Port of the client listener; absent: 9092, or a free one on one machine."
    )
    config: dict[str, str] = Field(
        default_factory=dict, description="Broker properties to add; those that the pipeline stands on win."
    )


class KafkaSecurity(Model):
    """How clients talk to an external Kafka; the names are those of Kafka's client configuration."""

    protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="security.protocol"
    )
    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field("SCRAM-SHA-512", description="sasl.mechanism")
    secret_ref: SecretReference | None = Field(
        None, description="Secret with username and password (SASL), ca.crt (TLS), tls.crt and tls.key (mTLS)."
    )

    @model_validator(mode="after")
    def _secret_is_named(self) -> KafkaSecurity:
        if self.protocol.startswith("SASL") and self.secret_ref is None:
            raise ValueError(f"protocol {self.protocol} needs secretRef: the Secret that holds username and password")
        return self


class ExternalKafka(Model):
    """A Kafka that is there already."""

    bootstrap_servers: Annotated[str, Field(pattern=r"^[^\s,:]+:\d+(,[^\s,:]+:\d+)*$")] = Field(
        description="host:port, several with commas between."
    )
    security: KafkaSecurity = Field(default_factory=KafkaSecurity, description="How to talk to it.")


class Kafka(Model):
    """Exactly one of managed and external."""

    managed: ManagedKafka | None = Field(None, description="Run a Kafka for this pipeline.")
    external: ExternalKafka | None = Field(None, description="Use a Kafka that is there.")

    @model_validator(mode="after")
    def _exactly_one(self) -> Kafka:
        if (self.managed is None) == (self.external is None):
            raise ValueError("give exactly one of managed and external")
        return self
