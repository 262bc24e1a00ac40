"""How clients talk to an external Kafka: the resource's security block as settings of librdkafka and Java clients."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from logpipeline.api.kafka import KafkaSecurity
from logpipeline.errors import LogPipelineError


@dataclass(frozen=True)
class Credentials:
    """The Secret's entries: `values` by key, and `folder`, where the same keys are files for those who take paths.

    A value may be a placeholder such as `${dir:/secret:password}` where the reader of the settings resolves it.
    """

    values: Mapping[str, str]
    folder: str

    def path(self, key: str) -> str:
        """Return the path of the file that holds `key`."""
        return f"{self.folder}/{key}"


def read_credentials(folder: Path) -> Credentials:
    """Return the Secret that is mounted at `folder`; the line break that editors put at a file's end is left out.

    Raises LogPipelineError when it cannot be read.
    """
    values = {}
    path = folder
    try:
        for path in sorted(folder.iterdir()):
            # A mounted Secret also holds Kubernetes' own ..data folders.
            if not path.name.startswith(".") and path.is_file():
                values[path.name] = path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise LogPipelineError(f"{path}: cannot read the secret: {reason}") from error
    return Credentials(values, str(folder))


def check_credentials(security: KafkaSecurity, credentials: Credentials | None) -> None:
    """Raise LogPipelineError when the Secret lacks a key that `security` needs."""
    if security.secret_ref is None:
        return
    values = credentials.values if credentials else {}
    needed = ["username", "password"] if security.protocol.startswith("SASL") else []
    needed += ["tls.key"] if "tls.crt" in values else ["tls.crt"] if "tls.key" in values else []
    missing = [key for key in needed if key not in values]
    if missing:
        raise LogPipelineError(
            f"spec.kafka.external.security.secretRef: the Secret {security.secret_ref.name!r} "
            f"has no {' and no '.join(missing)}"
        )


def check_references(security: KafkaSecurity, credentials: Credentials) -> None:
    """Raise LogPipelineError when a value of the Secret cannot be put in where settings of a Java client refer to it:
    there it stands between quotes, and nobody escapes it.
    """
    if not security.protocol.startswith("SASL"):
        return
    unfit = [key for key in ("username", "password") if set(credentials.values.get(key, "")) & set('"\\\r\n')]
    if unfit:
        name = security.secret_ref.name if security.secret_ref else ""
        raise LogPipelineError(
            f"spec.kafka.external.security.secretRef: the Secret {name!r}: {' and '.join(unfit)} may hold no quote, "
            "backslash or line break, which Kafka Connect would misread"
        )


def librdkafka_settings(
    security: KafkaSecurity, credentials: Credentials | None, *, inline: bool = False
) -> dict[str, str]:
    """Return the settings of a confluent-kafka client, without `bootstrap.servers`; `inline`: certificates and key
    stand in the settings, so that no file is needed.
    """
    settings: dict[str, str] = {"security.protocol": security.protocol}
    values = credentials.values if credentials else {}
    if security.protocol.startswith("SASL"):
        settings |= {
            "sasl.mechanism": security.mechanism,
            "sasl.username": values["username"],
            "sasl.password": values["password"],
        }
    if credentials and security.protocol.endswith("SSL"):
        for key, setting in (("ca.crt", "ssl.ca"), ("tls.crt", "ssl.certificate"), ("tls.key", "ssl.key")):
            if key in values and inline:
                settings[f"{setting}.pem"] = values[key]
            elif key in values:
                settings[f"{setting}.location"] = credentials.path(key)
    return settings


def java_settings(security: KafkaSecurity, credentials: Credentials | None) -> dict[str, str]:
    """Return the settings of a Java client (Spark, Connect), without `bootstrap.servers`."""
    settings: dict[str, str] = {"security.protocol": security.protocol}
    values = credentials.values if credentials else {}
    if security.protocol.startswith("SASL"):
        kind = "plain.Plain" if security.mechanism == "PLAIN" else "scram.Scram"
        module = f"org.apache.kafka.common.security.{kind}LoginModule"
        user, password = _quoted(values["username"]), _quoted(values["password"])
        settings |= {
            "sasl.mechanism": security.mechanism,
            "sasl.jaas.config": f"{module} required username={user} password={password};",
        }
    if credentials and security.protocol.endswith("SSL"):
        if "ca.crt" in values:
            settings |= {"ssl.truststore.type": "PEM", "ssl.truststore.location": credentials.path("ca.crt")}
        if "tls.crt" in values:
            settings |= {
                "ssl.keystore.type": "PEM",
                "ssl.keystore.certificate.chain": values["tls.crt"],
                "ssl.keystore.key": values["tls.key"],
            }
    return settings


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
