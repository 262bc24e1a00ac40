"""Connect, Elasticsearch, Kibana and the generator on a cluster."""

from __future__ import annotations

from typing import Any

import yaml

from desired_samples import EVERYTHING, EXTERNAL, MUTUAL, a_resource, objects_of, one, template_of
from logpipeline_operator.desired import SecretFacts


def properties(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines())


def worker(spec: dict[str, Any], **changes: Any) -> dict[str, str]:
    objects = objects_of(a_resource(spec), **changes)
    return properties(one(objects, "ConfigMap", "web-connect")["data"]["connect.properties"])


def test_a_worker_is_reached_by_its_pods_address() -> None:
    settings = worker(EVERYTHING)
    assert settings["listeners"] == "http://:8083"
    assert "rest.advertised.host.name" not in settings
    assert settings["config.storage.replication.factor"] == "3"


def test_a_worker_logs_in_with_what_is_in_the_mounted_secret() -> None:
    settings = worker(EXTERNAL)
    folder = "/etc/logpipeline/kafka-secret"
    for prefix in ("", "producer.", "consumer.", "admin."):
        assert settings[f"{prefix}sasl.jaas.config"].endswith(
            f"username=${{quoted:{folder}:username}} password=${{quoted:{folder}:password}};"
        )
        assert settings[f"{prefix}ssl.truststore.location"] == f"{folder}/ca.crt"
    allowed = settings["config.providers.secrets.param.allowed.files"].split(",")
    assert [path for path in allowed if path.startswith(folder)] == [f"{folder}/password", f"{folder}/username"]


def test_the_workers_and_the_console_know_the_credential_by_reference() -> None:
    objects = objects_of(a_resource(EVERYTHING))
    files = one(objects, "ConfigMap", "web-connect")["data"]
    assert 'file="/etc/logpipeline/connect-secret/users.properties"' in files["jaas.conf"]
    assert "BasicAuthSecurityRestExtension" in files["connect.properties"]
    workers, console = (template_of(objects, name)["spec"] for name in ("web-connect", "web-console"))
    for pods in (workers, console):
        (volume,) = [each for each in pods["volumes"] if each["name"] == "connect-secret"]
        assert volume["secret"]["secretName"] == "web-connect-rest"
    probe = workers["containers"][0]["readinessProbe"]["exec"]["command"]
    assert probe == ["connect-probe", "8083", "/etc/logpipeline/connect-secret/users.properties"]
    args = console["containers"][0]["args"]
    assert args[args.index("--connect-secret") + 1] == "/etc/logpipeline/connect-secret"
    # Another credential rolls both.
    others = objects_of(a_resource(EVERYTHING), secrets={"web-connect-rest": SecretFacts(frozenset(), "other")})
    for name in ("web-connect", "web-console"):
        assert template_of(objects, name) != template_of(others, name)


def test_a_certificate_of_ones_own_is_used_when_both_its_halves_are_there() -> None:
    keys = {"ca.crt", "tls.crt", "tls.key"}
    settings = worker(MUTUAL)
    assert settings["ssl.keystore.key"] == "${secrets:/etc/logpipeline/kafka-secret:tls.key}"
    half = worker(MUTUAL, secrets={"kafka-certificate": SecretFacts(frozenset(keys - {"tls.key"}), "d")})
    assert "ssl.keystore.certificate.chain" not in half


def test_a_secret_that_is_not_there_yet_is_no_fault() -> None:
    for spec in (EXTERNAL, MUTUAL):
        objects = objects_of(a_resource(spec), secrets={})
        assert template_of(objects, "web-connect") != template_of(objects_of(a_resource(spec)), "web-connect")


def test_the_generator_is_given_placeholders_in_a_file_and_no_secret() -> None:
    objects = objects_of(a_resource(EXTERNAL))
    client = properties(one(objects, "ConfigMap", "web-generator")["data"]["client.properties"])
    assert client["sasl.password"] == "${secrets:/etc/logpipeline/kafka-secret:password}"
    assert client["ssl.ca.location"] == "/etc/logpipeline/kafka-secret/ca.crt"
    args = template_of(objects, "web-generator")["spec"]["containers"][0]["args"]
    assert args[args.index("--client-config") + 1] == "/etc/kafka/client.properties"
    assert not [
        item
        for item in objects_of(a_resource(EVERYTHING))
        if item["metadata"]["name"] == "web-generator" and item["kind"] == "ConfigMap"
    ]


def test_a_node_runs_by_its_settings_file_in_either_image() -> None:
    objects = objects_of(a_resource(EVERYTHING))
    settings = yaml.safe_load(one(objects, "ConfigMap", "web-elasticsearch")["data"]["elasticsearch.yml"])
    assert settings["discovery.type"] == "single-node"
    assert settings["node.store.allow_mmap"] is False
    # Only the official distribution knows these, and only it takes them from its environment.
    assert not [name for name in settings if name.startswith("xpack")]
    spec = template_of(objects, "web-elasticsearch")["spec"]
    assert {"name": "xpack.security.enabled", "value": "false"} in spec["containers"][0]["env"]
    paths = {mount["mountPath"] for mount in spec["containers"][0]["volumeMounts"]}
    assert paths == {f"/usr/share/elasticsearch/{folder}" for folder in ("config", "data", "logs")} | {"/tmp"}
    assert "command" not in spec["containers"][0]


def test_kibana_only_where_it_is_asked_for() -> None:
    container = template_of(objects_of(a_resource(EVERYTHING)), "web-kibana")["spec"]["containers"][0]
    url = "http://web-elasticsearch.logs.svc.cluster.local:9200"
    assert {"name": "ELASTICSEARCH_HOSTS", "value": url} in container["env"]
    plain = {**EVERYTHING, "sink": {"elasticsearch": {"managed": {}}}}
    assert not [item for item in objects_of(a_resource(plain)) if "kibana" in item["metadata"]["name"]]


def test_without_a_sink_there_is_nothing_of_one() -> None:
    objects = objects_of(a_resource({**EVERYTHING, "sink": None}))
    components = {item["metadata"]["labels"]["app.kubernetes.io/component"] for item in objects}
    assert components == {"kafka", "goal", "lake", "report", "alert-bridge", "console", "generator"}
