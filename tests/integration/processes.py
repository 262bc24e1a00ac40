"""Real servers for tests: each one a process that can be stopped, killed and started again on the same ports and data.

They come from the distributions that `make setup` installs. Whatever a server prints goes to a file beside its data; its last lines are
part of the error when the server does not come up.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]  # exported, but not by __all__
from elasticsearch import Elasticsearch as ElasticsearchClient

from logpipeline.distribution import distribution
from logpipeline.kafka.connect import REST_EXTENSION, authorization, jaas_configuration

DISTRIBUTION = distribution()
PLUGINS = DISTRIBUTION / "connect-plugins"

# A record of 16 MiB passes: long lines are among what the tests send.
MESSAGE_BYTES = 16 * 1024 * 1024

# A start takes seconds; the rest is for a machine that is busy with other tests.
START_SECONDS = 120
STOP_SECONDS = 30


def installed(path: Path) -> Path:
    """The path itself; an error that tells what to do where nothing is there."""
    if not path.exists():
        raise FileNotFoundError(
            f"{path} is missing: run `make setup` (or point LOGPIPELINE_DIST at an installed distribution)"
        )
    return path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def own_temporary_files(folder: Path) -> dict[str, str]:
    """The environment, with what a JVM writes on the side in `folder`: a killed one leaves it behind."""
    side = folder / "tmp"
    side.mkdir(exist_ok=True)
    java = f"-XX:-UsePerfData -Djava.io.tmpdir={side}"
    return {**os.environ, "TMPDIR": str(side), "SPARK_LOCAL_DIRS": str(side), "JDK_JAVA_OPTIONS": java}


def generator(*arguments: object) -> None:
    """Runs a command of the log generator (generate or produce) to its end."""
    subprocess.run([sys.executable, "-m", "logpipeline_generator", *map(str, arguments)], check=True)


def write_properties(path: Path, properties: dict[str, object]) -> None:
    path.write_text("".join(f"{name}={value}\n" for name, value in properties.items()))


class Server(ABC):
    """One process with its folder. What a subclass adds: how it is configured, and how one sees that it is ready."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.log = folder / "log"
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def command(self) -> list[str]:
        """What to run; the process it leads to must be the server itself, for signals reach that one alone."""

    @abstractmethod
    def is_ready(self) -> bool:
        """Whether the server does its work. May raise OSError while it does not even listen."""

    def environment(self) -> dict[str, str]:
        """The environment that it runs in."""
        return own_temporary_files(self.folder)

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self.environment(),
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                state = "ended" if self._process.poll() is not None else f"is not ready after {START_SECONDS} s"
                self.kill()
                raise RuntimeError(f"{type(self).__name__} {state}; the end of {self.log}:\n{self.tail()}")
            time.sleep(0.1)

    def stop(self) -> None:
        """As a service manager would: asks first."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()
                raise RuntimeError(
                    f"{type(self).__name__} ignored SIGTERM for {STOP_SECONDS} s:\n{self.tail()}"
                ) from None
            self._process = None

    def kill(self) -> None:
        """As the kernel would: at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self, seconds: float) -> None:
        """Let it hang, with its connections open, for so long."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            time.sleep(seconds)
        finally:
            self._process.send_signal(signal.SIGCONT)

    def tail(self, lines: int = 30) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def _answers(self) -> bool:
        try:
            return self.is_ready()
        except OSError:
            return False


class Broker(Server):
    """One Kafka node, broker and controller in one.

    The same topics are at `secured_servers` for the one user `USER` (SASL_PLAINTEXT, PLAIN).
    """

    USER: ClassVar[dict[str, str]] = {"username": "reader", "password": 'p"w\\1'}

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        port, secured_port, controller_port = free_port(), free_port(), free_port()
        self.bootstrap_servers = f"127.0.0.1:{port}"
        self.secured_servers = f"127.0.0.1:{secured_port}"
        password = self.USER["password"].replace("\\", "\\\\").replace('"', '\\"')
        login = f'org.apache.kafka.common.security.plain.PlainLoginModule required user_reader="{password}";'
        self._config = folder / "broker.properties"
        write_properties(
            self._config,
            {
                "process.roles": "broker,controller",
                "node.id": 1,
                "controller.quorum.voters": f"1@127.0.0.1:{controller_port}",
                "listeners": f"PLAINTEXT://127.0.0.1:{port},SECURED://127.0.0.1:{secured_port},"
                f"CONTROLLER://127.0.0.1:{controller_port}",
                "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,SECURED:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT",
                "listener.name.secured.sasl.enabled.mechanisms": "PLAIN",
                "listener.name.secured.plain.sasl.jaas.config": login.replace("\\", "\\\\"),
                "controller.listener.names": "CONTROLLER",
                "log.dirs": folder / "data",
                "message.max.bytes": MESSAGE_BYTES,
                "replica.fetch.max.bytes": MESSAGE_BYTES,
                "offsets.topic.replication.factor": 1,
                "offsets.topic.num.partitions": 4,
                "transaction.state.log.replication.factor": 1,
                "transaction.state.log.min.isr": 1,
                "group.initial.rebalance.delay.ms": 0,
                "auto.create.topics.enable": "false",
                # Some programs give Kafka the time of the event, and a log of years ago is too old to be kept.
                "log.retention.ms": -1,
                # The default of 128 MiB is for compacted topics of another size.
                "log.cleaner.dedupe.buffer.size": 16 * 1024 * 1024,
            },
        )

    def command(self) -> list[str]:
        return [str(installed(DISTRIBUTION / "kafka" / "bin" / "kafka-broker")), str(self._config)]

    def is_ready(self) -> bool:
        try:
            return bool(self._admin().list_topics(timeout=1).brokers)
        except KafkaException:
            return False

    def topic(self, name: str, partitions: int = 1) -> str:
        """Creates the topic, and returns its name."""
        new = NewTopic(
            name, num_partitions=partitions, replication_factor=1, config={"max.message.bytes": str(MESSAGE_BYTES)}
        )
        admin = self._admin()  # held until the answer is there: the request ends with its client
        admin.create_topics([new])[name].result(timeout=30)
        return name

    def _admin(self) -> AdminClient:
        # A broker that is just starting is no news: without this each attempt prints to the test's output.
        return AdminClient({"bootstrap.servers": self.bootstrap_servers, "log_level": 0})


class Elasticsearch(Server):
    """One Elasticsearch node."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._config = folder / "config"
        self._config.mkdir(exist_ok=True)
        settings = {
            "cluster.name": "integration-test",
            "node.name": "node-1",
            "path.data": str(folder / "data"),
            "network.host": "127.0.0.1",
            "http.port": port,
            "transport.port": free_port(),
            "discovery.type": "single-node",
            # A developer's disk is often fuller than a cluster's may be.
            "cluster.routing.allocation.disk.threshold_enabled": False,
        }
        (self._config / "elasticsearch.yml").write_text(
            "".join(f"{name}: {json.dumps(value)}\n" for name, value in settings.items())
        )

    def command(self) -> list[str]:
        return [str(installed(DISTRIBUTION / "elasticsearch" / "bin" / "elasticsearch-node")), str(self._config)]

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(
                f"{self.url}/_cluster/health?wait_for_status=yellow&timeout=1s", timeout=5
            ) as answer:
                return bool(answer.status == 200)
        except urllib.error.HTTPError:  # 408: not yellow yet
            return False

    def client(self) -> ElasticsearchClient:
        return ElasticsearchClient(self.url, request_timeout=30)


class ConnectWorker(Server):
    """One Kafka Connect worker that knows the plugins of the distribution and asks for a credential, as a pipeline's."""

    credential: ClassVar = {"username": "test", "password": "of-the-test"}

    def __init__(self, folder: Path, bootstrap_servers: str) -> None:
        super().__init__(folder)
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._config = folder / "worker.properties"
        write_properties(
            self._config,
            {
                "bootstrap.servers": bootstrap_servers,
                "group.id": "integration-test",
                "listeners": self.url,
                "key.converter": "org.apache.kafka.connect.converters.ByteArrayConverter",
                "value.converter": "org.apache.kafka.connect.converters.ByteArrayConverter",
                "config.storage.topic": "connect-configs",
                "offset.storage.topic": "connect-offsets",
                "status.storage.topic": "connect-status",
                "config.storage.replication.factor": 1,
                "offset.storage.replication.factor": 1,
                "status.storage.replication.factor": 1,
                "offset.storage.partitions": 1,
                "status.storage.partitions": 1,
                "offset.flush.interval.ms": 1000,
                "scheduled.rebalance.max.delay.ms": 0,
                "plugin.path": installed(PLUGINS),
                "plugin.discovery": "SERVICE_LOAD",
                "rest.extension.classes": REST_EXTENSION,
            },
        )
        self.port = port
        self.users = folder / "users.properties"
        self.users.write_text("{username}={password}\n".format(**self.credential))
        self._jaas = folder / "jaas.conf"
        self._jaas.write_text(jaas_configuration(str(self.users)))

    def environment(self) -> dict[str, str]:
        return {**super().environment(), "KAFKA_OPTS": f"-Djava.security.auth.login.config={self._jaas}"}

    def command(self) -> list[str]:
        return [str(installed(DISTRIBUTION / "kafka" / "bin" / "connect-worker")), str(self._config)]

    def is_ready(self) -> bool:
        try:
            self.request("GET", "/connectors")
        except urllib.error.HTTPError:
            return False
        return True

    def request(self, method: str, path: str, body: object = None) -> Any:
        """One call of Connect's REST interface; its answer, or None where that has no body."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", **authorization(self.credential)}
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            text = answer.read()
        return json.loads(text) if text else None
