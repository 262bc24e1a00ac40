"""Settings of brokers, Connect and clients."""

from __future__ import annotations

import re
import stat
from pathlib import Path
from typing import Any

import pytest

from logpipeline.api import LogPipeline
from logpipeline.api.kafka import KafkaSecurity
from logpipeline.errors import LogPipelineError
from logpipeline.kafka.broker import Node, broker_properties
from logpipeline.kafka.connect import authorization, connector_config, connector_name, worker_properties
from logpipeline.kafka.properties import (
    client_properties,
    java_properties,
    read_client_properties,
    referenced_files,
    secret_reference,
    write_private,
)
from logpipeline.kafka.security import (
    CredentialReferences,
    Credentials,
    check_credentials,
    java_settings,
    librdkafka_settings,
    read_credentials,
)
from pipelines import a_pipeline


def pipeline(source: dict[str, Any] | None = None, **sink: Any) -> LogPipeline:
    return a_pipeline(source=source or {}, sink={"elasticsearch": {"managed": {}}, **sink})


def connector(of: LogPipeline, secret_keys: frozenset[str] = frozenset()) -> dict[str, str]:
    folder = "/secrets/es" if secret_keys else None
    return connector_config(of, url="http://es:9200", brokers=1, secret_folder=folder, secret_keys=secret_keys)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", "k=plain\n"),
        (r"C:\temp", "k=C:\\\\temp\n"),
        ("two\nlines", "k=two\\nlines\n"),
        (" led by a blank", "k=\\ led by a blank\n"),
        ('x required password="a\\"b";', 'k=x required password="a\\\\"b";\n'),
    ],
)
def test_java_properties_keep_every_value(value: str, text: str) -> None:
    assert java_properties({"k": value}) == text


def test_client_settings_are_read_as_they_were_written(tmp_path: Path) -> None:
    settings = {"security.protocol": "SASL_SSL", "sasl.password": "a=b#c"}
    path = tmp_path / "client"
    write_private(path, "# a comment\n\n" + client_properties(settings))
    assert read_client_properties(path) == settings
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_reference_is_filled_in_from_the_mounted_secret(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("p=${x}\n")
    path = tmp_path / "client"
    path.write_text(
        f"sasl.username=me\nsasl.password={secret_reference(str(tmp_path), 'password')}\nother=${{env:X}}\n"
    )
    assert read_client_properties(path) == {"sasl.username": "me", "sasl.password": "p=${x}", "other": "${env:X}"}
    path.write_text(f"a=b\nsasl.password={secret_reference('/none', 'password')}\n")
    with pytest.raises(LogPipelineError) as error:
        read_client_properties(path)
    reason = "cannot read the key 'password' of the secret /none: No such file or directory"
    assert error.value.message == f"{path}: line 2: {reason}"


def test_a_mounted_secret_is_read_without_kubernetes_own_folders(tmp_path: Path) -> None:
    (tmp_path / "..data").mkdir()
    (tmp_path / "username").write_text("me\n")
    assert read_credentials(tmp_path) == Credentials({"username": "me"}, str(tmp_path))
    (tmp_path / "password").write_bytes(b"\xff")
    with pytest.raises(LogPipelineError, match=r"/password: cannot read the secret: not UTF-8 text$"):
        read_credentials(tmp_path)
    with pytest.raises(LogPipelineError, match=r"/none: cannot read the secret: No such file or directory$"):
        read_credentials(tmp_path / "none")


def test_a_bad_line_is_named_by_number_and_not_shown(tmp_path: Path) -> None:
    path = tmp_path / "client"
    path.write_text("a=b\nsecret\n")
    with pytest.raises(LogPipelineError) as error:
        read_client_properties(path)
    assert error.value.message == f"{path}: line 2 is not key=value"


@pytest.mark.parametrize("key", ["a=b\nlog.dirs", "a b", "#a", "a:b", "a\\", "a\r\nb"])
def test_a_key_is_one_key_however_it_is_written(key: str) -> None:
    assert re.fullmatch(r"(\\.|[^\\\s:=#!])+=v\n", java_properties({key: "v"}))


def broker(count: int = 1, **config: str) -> dict[str, str]:
    nodes = [Node(number, f"host-{number}", 9092, 9093) for number in range(count)]
    return broker_properties(nodes[-1], nodes, data="/data", listen="", config=config)


def test_a_broker_listens_everywhere_and_is_reached_by_its_own_name() -> None:
    settings = broker(3)
    assert settings["node.id"] == "2"
    assert settings["listeners"] == "PLAINTEXT://:9092,CONTROLLER://:9093"
    assert settings["advertised.listeners"] == "PLAINTEXT://host-2:9092"
    assert settings["controller.quorum.voters"] == "0@host-0:9093,1@host-1:9093,2@host-2:9093"


@pytest.mark.parametrize(("count", "replicas", "in_sync"), [(1, "1", "1"), (3, "3", "2")])
def test_three_brokers_bear_the_loss_of_one(count: int, replicas: str, in_sync: str) -> None:
    settings = broker(count)
    assert {value for key, value in settings.items() if key.endswith("replication.factor")} == {replicas}
    assert {value for key, value in settings.items() if key.endswith(("min.isr", "min.insync.replicas"))} == {in_sync}


def test_a_user_may_tune_a_broker_and_not_take_the_ground_from_under_it() -> None:
    settings = broker(**{"num.io.threads": "16", "log.segment.bytes": "1000", "auto.create.topics.enable": "true"})
    assert (settings["num.io.threads"], settings["log.segment.bytes"]) == ("16", "1000")
    assert settings["auto.create.topics.enable"] == "false"
    assert settings["message.max.bytes"] == "16777216"


def worker(of: LogPipeline, **changes: Any) -> dict[str, str]:
    arguments: dict[str, Any] = {
        "bootstrap_servers": "k:9092",
        "brokers": 1,
        "port": 8083,
        "plugin_path": "/plugins",
        "secret_folder": None,
        "client": {},
    }
    return worker_properties(of, **{**arguments, **changes})


@pytest.mark.parametrize(("brokers", "replication"), [(1, "1"), (3, "3"), (5, "3"), (None, "-1")])
def test_connects_own_topics_are_as_safe_as_the_brokers_allow(brokers: int | None, replication: str) -> None:
    settings = worker(pipeline(), brokers=brokers)
    assert {settings[f"{store}.storage.replication.factor"] for store in ("config", "offset", "status")} == {
        replication
    }


def test_the_worker_and_each_of_its_clients_are_secured() -> None:
    settings = worker(pipeline(), client={"security.protocol": "SSL"})
    secured = {key for key, value in settings.items() if value == "SSL"}
    assert secured == {f"{prefix}security.protocol" for prefix in ("", "producer.", "consumer.", "admin.")}


def test_connectors_may_read_what_ours_refers_to_and_nothing_else() -> None:
    client = {
        "sasl.jaas.config": "x username=${quoted:/kafka:username};",
        "ssl.keystore.key": "${secrets:/kafka:tls.key}",
    }
    own = {"keystore.password": "${secrets:/es:keystore}", "other": "${secrets:/kafka:password}"}
    settings = worker(pipeline(connect={"config": own}), secret_folder="/es", client=client)
    assert settings["config.providers"] == "secrets,quoted"
    allowed = "/es/apiKey,/es/keystore,/es/password,/es/username,/kafka/tls.key,/kafka/username"
    for provider in ("secrets", "quoted"):
        assert settings[f"config.providers.{provider}.param.allowed.files"] == allowed
    config = connector(pipeline(), secret_keys=frozenset({"username", "password", "apiKey"}))
    ours = worker(pipeline(), secret_folder="/secrets/es")["config.providers.secrets.param.allowed.files"]
    assert referenced_files(config) == set(ours.split(","))
    assert "config.providers" not in worker(pipeline())


def test_a_protected_worker_asks_for_a_credential() -> None:
    extension = "org.apache.kafka.connect.rest.basic.auth.extension.BasicAuthSecurityRestExtension"
    assert worker(pipeline(), protected=True)["rest.extension.classes"] == extension
    assert "rest.extension.classes" not in worker(pipeline())
    # https://www.rfc-editor.org/rfc/rfc7617#section-2
    header = authorization({"username": "Aladdin", "password": "open sesame"})
    assert header == {"Authorization": "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="}


def test_a_worker_that_listens_everywhere_is_not_advertised_as_everywhere() -> None:
    assert worker(pipeline(), host="")["listeners"] == "http://:8083"
    assert "rest.advertised.host.name" not in worker(pipeline(), host="")
    assert worker(pipeline())["rest.advertised.host.name"] == "127.0.0.1"


def test_a_user_may_tune_the_connector_and_not_take_the_ground_from_under_it() -> None:
    own = {"consumer.override.max.poll.records": "50", "flush.timeout.ms": "9", "topics": "other"}
    config = connector(pipeline(connect={"config": {**own, "value.converter": "org.example.Converter"}}))
    assert (config["consumer.override.max.poll.records"], config["flush.timeout.ms"]) == ("50", "9")
    assert config["topics"] == "web.raw"
    assert config["value.converter"].endswith(".ByteArrayConverter")


@pytest.mark.parametrize(
    ("elasticsearch", "index"),
    [({}, "web"), ({"index": "logs"}, "logs"), ({"index": "logs", "retention": "7d"}, "logs-${date}")],
)
def test_the_index_is_dated_when_there_is_a_retention(elasticsearch: dict[str, str], index: str) -> None:
    assert connector(pipeline(elasticsearch={"managed": {}, **elasticsearch}))["index"] == index


def test_a_record_that_is_refused_goes_to_the_dead_letter_topic() -> None:
    config = connector(pipeline())
    assert config["errors.tolerance"] == "all"
    assert config["errors.deadletterqueue.topic.name"] == "web.sink-dead-letters"
    assert config["errors.deadletterqueue.topic.replication.factor"] == "1"


def test_fields_and_timestamp_are_handed_on() -> None:
    source = {
        "fields": {"client_ip": "remote_ip", "status": "response.code"},
        "timestamp": {"field": "t", "format": "clf"},
    }
    config = connector(pipeline(source))
    assert config["record.fields"] == "client_ip=remote_ip,status=response.code"
    assert (config["record.timestamp.field"], config["record.timestamp.format"]) == ("t", "clf")


def test_a_text_format_has_no_fields_to_map() -> None:
    config = connector(pipeline({"format": "combined"}))
    assert config["record.format"] == "combined"
    assert not [key for key in config if key.startswith(("record.fields", "record.timestamp"))]


def test_another_connector_is_not_given_settings_of_ours() -> None:
    own = {"connectorClass": "org.example.Sink", "config": {"value.converter": "org.example.Converter"}}
    config = connector(pipeline(connect=own))
    assert config["connector.class"] == "org.example.Sink"
    assert config["value.converter"] == "org.example.Converter"
    assert not [key for key in config if key.startswith("record.") or key == "index"]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"apiKey"}, {"connection.api.key": "${secrets:/secrets/es:apiKey}"}),
        (
            {"username", "password"},
            {
                "connection.username": "${secrets:/secrets/es:username}",
                "connection.password": "${secrets:/secrets/es:password}",
            },
        ),
        ({"ca.crt"}, {"connection.ssl.ca": "/secrets/es/ca.crt"}),
        (set(), {}),
    ],
)
def test_a_secret_is_referred_to_and_never_written_down(keys: set[str], expected: dict[str, str]) -> None:
    config = connector(pipeline(), frozenset(keys))
    assert {
        key: value for key, value in config.items() if key.startswith("connection.") and key != "connection.url"
    } == expected


def test_the_connector_is_named_after_the_pipeline() -> None:
    assert connector_name(pipeline()) == "web-elasticsearch"


SCRAM = KafkaSecurity.model_validate({"protocol": "SASL_SSL", "secretRef": {"name": "s"}})
PLAIN = KafkaSecurity.model_validate({"protocol": "SASL_PLAINTEXT", "mechanism": "PLAIN", "secretRef": {"name": "s"}})
MUTUAL = KafkaSecurity.model_validate({"protocol": "SSL", "secretRef": {"name": "s"}})
USER = {"username": "me", "password": 'p"\\w'}
CERTIFICATES = {"ca.crt": "CA", "tls.crt": "CERTIFICATE", "tls.key": "KEY"}


@pytest.mark.parametrize(
    ("security", "values", "expected"),
    [
        (KafkaSecurity.model_validate({}), None, {"security.protocol": "PLAINTEXT"}),
        (
            SCRAM,
            {**USER, "ca.crt": "CA"},
            {
                "security.protocol": "SASL_SSL",
                "sasl.mechanism": "SCRAM-SHA-512",
                "sasl.username": "me",
                "sasl.password": 'p"\\w',
                "ssl.ca.location": "/s/ca.crt",
            },
        ),
        (
            MUTUAL,
            CERTIFICATES,
            {
                "security.protocol": "SSL",
                "ssl.ca.location": "/s/ca.crt",
                "ssl.certificate.location": "/s/tls.crt",
                "ssl.key.location": "/s/tls.key",
            },
        ),
    ],
)
def test_settings_of_confluent_kafka(
    security: KafkaSecurity, values: dict[str, str] | None, expected: dict[str, str]
) -> None:
    assert librdkafka_settings(security, Credentials(values, "/s") if values else None) == expected


@pytest.mark.parametrize(
    ("security", "values", "expected"),
    [
        (
            PLAIN,
            USER,
            {
                "security.protocol": "SASL_PLAINTEXT",
                "sasl.mechanism": "PLAIN",
                "sasl.jaas.config": "org.apache.kafka.common.security.plain.PlainLoginModule required "
                'username="me" password="p\\"\\\\w";',
            },
        ),
        (
            MUTUAL,
            CERTIFICATES,
            {
                "security.protocol": "SSL",
                "ssl.truststore.type": "PEM",
                "ssl.truststore.location": "/s/ca.crt",
                "ssl.keystore.type": "PEM",
                "ssl.keystore.certificate.chain": "CERTIFICATE",
                "ssl.keystore.key": "KEY",
            },
        ),
    ],
)
def test_settings_of_java_clients(security: KafkaSecurity, values: dict[str, str], expected: dict[str, str]) -> None:
    assert java_settings(security, Credentials(values, "/s")) == expected


def test_references_stand_where_the_values_would() -> None:
    settings = java_settings(SCRAM, CredentialReferences({"username", "password", "ca.crt"}, "/s"))
    assert settings["sasl.jaas.config"].endswith("username=${quoted:/s:username} password=${quoted:/s:password};")
    assert settings["ssl.truststore.location"] == "/s/ca.crt"
    settings = java_settings(MUTUAL, CredentialReferences(CERTIFICATES, "/s"))
    assert settings["ssl.keystore.key"] == "${secrets:/s:tls.key}"
    settings = librdkafka_settings(SCRAM, CredentialReferences(USER, "/s"))
    assert settings["sasl.password"] == "${secrets:/s:password}"


@pytest.mark.parametrize(
    ("security", "values", "fault"),
    [
        (SCRAM, {"username": "me"}, "has no password"),
        (SCRAM, {}, "has no username and no password"),
        (MUTUAL, {"tls.crt": "C"}, "has no tls.key"),
        (MUTUAL, {"tls.key": "K"}, "has no tls.crt"),
        (SCRAM, USER, None),
        (MUTUAL, {"ca.crt": "CA"}, None),
        (MUTUAL, {**CERTIFICATES, "tls.key": "-----BEGIN PRIVATE KEY-----"}, None),
    ],
)
def test_a_secret_that_lacks_a_key_is_named(security: KafkaSecurity, values: dict[str, str], fault: str | None) -> None:
    if fault is None:
        check_credentials(security, Credentials(values, "/s"))
        return
    with pytest.raises(LogPipelineError, match=f"secretRef: the Secret 's' {fault}$"):
        check_credentials(security, Credentials(values, "/s"))


@pytest.mark.parametrize("kind", ["RSA", "EC"])
def test_a_key_that_java_cannot_read_is_refused_with_the_way_to_convert_it(kind: str) -> None:
    values = {**CERTIFICATES, "tls.key": f"-----BEGIN {kind} PRIVATE KEY-----"}
    with pytest.raises(LogPipelineError, match=r"tls\.key in the Secret 's' is not .*: openssl pkcs8 -topk8 -nocrypt$"):
        check_credentials(MUTUAL, Credentials(values, "/s"))
