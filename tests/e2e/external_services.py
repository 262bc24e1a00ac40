"""Kafka and Elasticsearch as others run them: pods beside the pipeline's that want TLS and a password or a certificate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from certificates import Authority
from kubectl import Namespace

_IMAGES = {name: f"docker.io/logpipeline/{name}:0.1.0" for name in ("kafka", "elasticsearch", "log-generator")}
_KAFKA, _ELASTICSEARCH = "others-kafka", "others-elasticsearch"
# The plain ones are for the test alone, the pipeline never hears of them.
_PLAIN, _SCRAM, _MUTUAL = 9092, 9093, 9094
_HTTP, _HTTPS = 9200, 9243

_BROKER = """\
node.id=1
process.roles=broker,controller
controller.quorum.voters=1@localhost:9095
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAIN
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAIN:PLAINTEXT,SCRAM:SASL_SSL,MUTUAL:SSL
listeners=CONTROLLER://localhost:9095,PLAIN://:{plain},SCRAM://:{scram},MUTUAL://:{mutual}
advertised.listeners=PLAIN://{host}:{plain},SCRAM://{host}:{scram},MUTUAL://{host}:{mutual}
sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.scram.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.mutual.ssl.client.auth=required
ssl.keystore.type=PEM
ssl.keystore.location=/secret/server.pem
ssl.truststore.type=PEM
ssl.truststore.location=/secret/ca.crt
log.dirs=/tmp/data
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
group.initial.rebalance.delay.ms=0
"""
_START_BROKER = """\
set -eu
kafka-java kafka.tools.StorageTool format --cluster-id b3RoZXJzLWthZmthLWNsdQ --config /secret/broker.properties \
  --add-scram "$(cat /secret/scram)"
exec kafka-broker /secret/broker.properties
"""


@dataclass(frozen=True)
class User:
    """Who may use a service."""

    name: str
    password: str


class Services:
    """The two services in a namespace, until that goes."""

    def __init__(self, namespace: Namespace, authority: Authority, user: User) -> None:
        self._namespace, self._authority, self._user = namespace, authority, user
        self.scram, self.mutual = (f"{self._host(_KAFKA)}:{port}" for port in (_SCRAM, _MUTUAL))
        self.plain_kafka = f"{self._host(_KAFKA)}:{_PLAIN}"
        self.url = f"https://{self._host(_ELASTICSEARCH)}:{_HTTPS}"
        self.plain_elasticsearch = f"http://{self._host(_ELASTICSEARCH)}:{_HTTP}"

    def start(self) -> None:
        """Make the pods; they answer some time later."""
        self._namespace.apply(*self._kafka(), *self._elasticsearch())

    def await_ready(self) -> None:
        """Wait until both answer."""
        pods = [f"pod/{name}" for name in (_KAFKA, _ELASTICSEARCH)]
        self._namespace.kubectl("wait", "--for=condition=Ready", *pods, "--timeout=120s", seconds=130)

    def _host(self, name: str) -> str:
        return f"{name}.{self._namespace.name}.svc.cluster.local"

    def _kafka(self) -> list[dict[str, Any]]:
        host = self._host(_KAFKA)
        issued = self._authority.issue(host)
        files = {
            "broker.properties": _BROKER.format(host=host, plain=_PLAIN, scram=_SCRAM, mutual=_MUTUAL),
            "scram": f"SCRAM-SHA-512=[name={self._user.name},password={self._user.password}]",
            "server.pem": issued.key + issued.certificate,
            "ca.crt": self._authority.certificate,
        }
        broker = _container("kafka", "256Mi", ["sh", "-c", _START_BROKER], _PLAIN, KAFKA_HEAP_OPTS="-Xmx256m")
        pod = _pod(_KAFKA, 10001, [broker])
        return [secret(_KAFKA, files), pod, _service(_KAFKA, _PLAIN, _SCRAM, _MUTUAL)]

    def _elasticsearch(self) -> list[dict[str, Any]]:
        issued = self._authority.issue(self._host(_ELASTICSEARCH))
        files = {"tls.crt": issued.certificate, "tls.key": issued.key}
        files |= {"username": self._user.name, "password": self._user.password}
        program = Path(__file__).with_name("tls_proxy.py").read_text()
        config = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": _ELASTICSEARCH},
            "data": {"tls_proxy.py": program},
        }
        settings = {
            "discovery.type": "single-node",
            "node.store.allow_mmap": "false",
            "path.data": "/tmp/data",
            "path.logs": "/tmp/logs",
            "ES_JAVA_OPTS": "-Xms384m -Xmx384m",
        }
        node = _container("elasticsearch", "640Mi", None, _HTTP, path="/_cluster/health", **settings)
        command = ["python", "/config/tls_proxy.py", str(_HTTPS), f"127.0.0.1:{_HTTP}", "/secret"]
        proxy = _container("log-generator", "32Mi", command, _HTTPS)
        proxy["volumeMounts"].append({"name": "config", "mountPath": "/config"})
        pod = _pod(_ELASTICSEARCH, 1000, [node, proxy])
        pod["spec"]["volumes"].append({"name": "config", "configMap": {"name": _ELASTICSEARCH}})
        return [secret(_ELASTICSEARCH, files), config, pod, _service(_ELASTICSEARCH, _HTTP, _HTTPS)]


def secret(name: str, values: Mapping[str, str]) -> dict[str, Any]:
    """Return a Secret with these values."""
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": dict(values)}


def _service(name: str, *ports: int) -> dict[str, Any]:
    listed = [{"name": f"port-{port}", "port": port} for port in ports]
    # A client is told by its own errors, and not by a missing address, that the server is still starting.
    spec = {"selector": {"app": name}, "ports": listed, "publishNotReadyAddresses": True}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def _container(
    image: str, memory: str, command: list[str] | None, port: int, path: str | None = None, **environment: str
) -> dict[str, Any]:
    question = {"httpGet": {"path": path, "port": port}} if path else {"tcpSocket": {"port": port}}
    return {
        "name": image,
        "image": _IMAGES[image],
        "imagePullPolicy": "IfNotPresent",
        **({"command": command} if command else {}),
        "env": [{"name": name, "value": value} for name, value in environment.items()],
        "resources": {"requests": {"cpu": "10m", "memory": memory}},
        "readinessProbe": {**question, "periodSeconds": 1, "timeoutSeconds": 5},
        "volumeMounts": [
            {"name": "secret", "mountPath": "/secret", "readOnly": True},
            {"name": "tmp", "mountPath": "/tmp"},
        ],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }


def _pod(name: str, user: int, containers: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": user,
                "fsGroup": user,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": 0,
            "containers": containers,
            "volumes": [{"name": "secret", "secret": {"secretName": name}}, {"name": "tmp", "emptyDir": {}}],
        },
    }
