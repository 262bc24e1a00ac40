"""How clients talk to an external Kafka: the resource's security block as settings of librdkafka and Java clients."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from logpipeline.api.kafka import KafkaSecurity
from logpipeline.errors import LogPipelineError
from logpipeline.kafka.properties import quoted_reference, secret_reference


@dataclass(frozen=True)
class Credentials:
    """The Secret's entries: `values` by key, and `folder`, where the same keys are files for those who take paths."""

    values: Mapping[str, str]
    folder: str

    def path(self, key: str) -> str:
        """Return the path of the file that holds `key`."""
        return f"{self.folder}/{key}"

    def quoted(self, key: str) -> str:
        """Return the value of `key` as text in the quotes of a JAAS configuration."""
        text = self.values[key].replace("\\", "\\\\").replace('"', '\\"')
        return f'"{text}"'


class CredentialReferences(Credentials):
    """Credentials whose values only say where they are, for those who resolve that when they read the settings."""

    def __init__(self, keys: Iterable[str], folder: str) -> None:
        super().__init__({key: secret_reference(folder, key) for key in sorted(keys)}, folder)

    def quoted(self, key: str) -> str:
        """Return the reference for `key` as text in quotes."""
        return quoted_reference(self.folder, key)


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


def given_secret(name: str, field: str, given: Path | None) -> Credentials:
    """Return the Secret `name` out of the folder `given`; `field` is where the resource names it. Raises
    LogPipelineError when there is no such secret.
    """
    if given is None:
        raise LogPipelineError(
            f"{field}: names the Secret {name!r}; give its folder's parent with --secrets DIR (DIR/{name}/<key>)"
        )
    source = given / name
    if not source.is_dir():
        raise LogPipelineError(f"{field}: names the Secret {name!r}, and there is no folder {source}")
    return read_credentials(source)


def check_credentials(security: KafkaSecurity, credentials: Credentials | None) -> None:
    """Raise LogPipelineError when the Secret lacks a key that `security` needs, or Java cannot read it."""
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
    if any(f"BEGIN {kind} PRIVATE KEY" in values.get("tls.key", "") for kind in ("RSA", "EC")):
        raise LogPipelineError(
            f"spec.kafka.external.security.secretRef: tls.key in the Secret {security.secret_ref.name!r} is not in the "
            "form that Java reads (PKCS #8); convert it: openssl pkcs8 -topk8 -nocrypt"
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
        assert credentials is not None  # see `check_credentials`
        user, password = credentials.quoted("username"), credentials.quoted("password")
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
