"""What the operator tells of pipelines on /metrics: it is there as long as it is so, and goes with them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from logpipeline_operator.certificates import expiries
from logpipeline_operator.cluster.kinds import PipelineKey
from logpipeline_operator.metrics import REGISTRY, tell_status

NGINX, OTHER = PipelineKey("logs", "nginx"), PipelineKey("logs", "other")
SOON, LATE = datetime(2027, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC)


def certificate(end: datetime) -> str:
    """A certificate in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kafka")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    signed = builder.not_valid_before(end - timedelta(days=90)).not_valid_after(end).sign(key, hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM).decode()


@pytest.mark.parametrize(
    ("key", "value", "end"),
    [
        ("tls.crt", certificate(SOON), SOON),
        # Of a chain the first that ends; of authorities, which may be kept side by side, the last.
        ("tls.crt", certificate(LATE) + certificate(SOON), SOON),
        ("ca.crt", certificate(SOON) + certificate(LATE), LATE),
        ("ca.crt", "-----BEGIN CERTIFICATE-----\nnot one\n-----END CERTIFICATE-----\n", None),
        ("password", "secret", None),
    ],
)
def test_only_certificates_have_an_end(key: str, value: str, end: datetime | None) -> None:
    assert expiries({key: value}) == ({} if end is None else {key: end.timestamp()})


def series(key: PipelineKey) -> dict[str, float]:
    """What is told of a pipeline, by its own labels."""
    return {
        " ".join(
            [sample.name.removeprefix("logpipeline_operator_pipeline_"), *list(sample.labels.values())[2:]]
        ): sample.value
        for family in REGISTRY.collect()
        for sample in family.samples
        if (sample.labels.get("pipeline_namespace"), sample.labels.get("pipeline")) == (key.namespace, key.name)
    }


def test_a_status_is_told_and_forgotten_as_a_whole() -> None:
    goals = [{"name": "rate", "offsets": {"0": 7, "1": 5}}, {"name": "starting"}]
    ready = {"type": "Ready", "status": "False", "reason": "Starting"}
    tell_status(OTHER, {"records": 3})
    tell_status(NGINX, {"conditions": [ready], "goals": goals, "records": 20, "sink": {"deadLetters": 2}})
    told = {"condition Ready False Starting": 1, "goal_read_records rate": 12, "records": 20, "dead_letters": 2}
    assert series(NGINX) == told
    tell_status(NGINX, {"conditions": [{**ready, "status": "True", "reason": "Ready"}], "goals": [], "records": 21})
    assert series(NGINX) == {"condition Ready True Ready": 1, "records": 21}
    tell_status(NGINX, {})
    assert series(NGINX) == {}
    assert series(OTHER) == {"records": 3}
