"""From the resource to the processes of this machine: what is run, with which settings, in which order it ends."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from logpipeline.api import LogPipeline
from logpipeline.elastic.node import single_node
from logpipeline.kafka.broker import Node, broker_properties
from logpipeline.kafka.connect import worker_properties
from logpipeline.kafka.properties import java_properties
from logpipeline.lake.place import lake_uri
from logpipeline.lake.settings import KafkaSettings, LakeSettings, lake_settings
from logpipeline.local.leftovers import MARK
from logpipeline.local.ports import HOST
from logpipeline.rules import alerts
from logpipeline.settings import to_text
from logpipeline.traffic import generate_options

_SMALL_HEAP = "-Xms128m -Xmx384m -XX:+UseSerialGC"
# On a small machine detection goes before search: while everything starts at once the goals are ready sooner.
_STANDS_BACK = 10
_LAKE_SETTINGS = "lake.yaml"
_ELASTICSEARCH_HEAP = "-Xms512m -Xmx512m -XX:+UseSerialGC"


@dataclass(frozen=True)
class Process:
    """A process to supervise.

    `stop_stage`: the lowest is stopped first; `stop_seconds`: then it is killed; `niceness`: how far it stands back for
    the others.
    """

    name: str
    argv: list[str]
    environment: dict[str, str]
    stop_stage: int
    stop_seconds: int
    niceness: int = 0

    def spec(self, folder: Path) -> dict[str, Any]:
        """Return what the launcher reads."""
        return {
            "argv": self.argv,
            "environment": self.environment,
            "folder": str(folder),
            "niceness": self.niceness,
            # No process of ours outlives its supervisor; each of them is built to take up its work after a kill.
            "death_signal": int(signal.SIGKILL),
        }


@dataclass(frozen=True)
class Place:
    """Where a run is: its folders, its ports by component, its Kafka and Elasticsearch, its clients' settings."""

    root: Path
    distribution: Path
    ports: Mapping[str, int]
    bootstrap_servers: str
    elasticsearch_url: str | None
    brokers: int | None
    java_client: Mapping[str, str]
    kafka_secret: Path | None
    client_file: Path | None
    elasticsearch_secret: str | None
    receiver_secrets: Mapping[str, str]
    lake_secret: Path | None = None


def settings_files(pipeline: LogPipeline, place: Place) -> dict[str, str]:
    """Return the text of each component's settings file, by its path below the state folder's config/."""
    files = {}
    if (managed := pipeline.spec.kafka.managed) is not None:
        data = str(place.root / "data" / "kafka")
        # One machine has one broker, however many the resource asks of a cluster.
        node = Node(1, HOST, place.ports["kafka"], place.ports["kafka-controller"])
        broker = broker_properties(node, [node], data=data, listen=HOST, config=managed.config)
        files["kafka.properties"] = java_properties(broker)
    if pipeline.spec.lake is not None:
        files[_LAKE_SETTINGS] = to_text(_lake(pipeline, place))
    if (sink := pipeline.spec.sink) is not None:
        worker = worker_properties(
            pipeline,
            bootstrap_servers=place.bootstrap_servers,
            brokers=place.brokers,
            port=place.ports["connect"],
            plugin_path=str(place.distribution / "connect-plugins"),
            secret_folder=place.elasticsearch_secret,
            client=place.java_client,
        )
        files["connect.properties"] = java_properties(worker)
        if sink.elasticsearch.managed is not None:
            elasticsearch = single_node(
                pipeline.name,
                data=str(place.root / "data" / "elasticsearch"),
                logs=str(place.root / "logs"),
                port=place.ports["elasticsearch"],
                transport_port=place.ports["elasticsearch-transport"],
            )
            files["elasticsearch/elasticsearch.yml"] = yaml.safe_dump(elasticsearch)
    return files


def processes(pipeline: LogPipeline, place: Place) -> list[Process]:
    """Return the processes that `pipeline` needs on this machine."""
    config, distribution = place.root / "config", place.distribution
    result = [Process("goals", _goals_command(place), {}, stop_stage=1, stop_seconds=30)]
    if pipeline.spec.source.generator is not None:
        result.append(Process("generator", _generator_command(pipeline, place), {}, stop_stage=0, stop_seconds=20))
    console = _console_command(pipeline, place)
    result.append(Process("console", console, {}, stop_stage=0, stop_seconds=10, niceness=_STANDS_BACK))
    if alerts(pipeline):
        result.append(Process("alert-bridge", _alert_bridge_command(place), {}, stop_stage=1, stop_seconds=20))
    if pipeline.spec.lake is not None:
        command = [sys.executable, "-m", "logpipeline_spark.lake", "--settings", str(config / _LAKE_SETTINGS)]
        result.append(Process("lake", command, {}, stop_stage=1, stop_seconds=30))
    if pipeline.spec.kafka.managed is not None:
        command = [str(distribution / "kafka/bin/kafka-broker"), str(config / "kafka.properties")]
        result.append(Process("kafka", command, {"KAFKA_HEAP_OPTS": _SMALL_HEAP}, stop_stage=3, stop_seconds=30))
    if (sink := pipeline.spec.sink) is not None:
        command = [str(distribution / "kafka/bin/connect-worker"), str(config / "connect.properties")]
        heap = {"KAFKA_HEAP_OPTS": _SMALL_HEAP}
        result.append(Process("connect", command, heap, stop_stage=2, stop_seconds=20, niceness=_STANDS_BACK))
        if sink.elasticsearch.managed is not None:
            command = [str(distribution / "elasticsearch/bin/elasticsearch-node"), str(config / "elasticsearch")]
            heap = {"ES_HEAP_OPTS": _ELASTICSEARCH_HEAP}
            result.append(Process("elasticsearch", command, heap, stop_stage=3, stop_seconds=30, niceness=_STANDS_BACK))
    return result


def _goals_command(place: Place) -> list[str]:
    command = [sys.executable, "-m", "logpipeline_spark.goal"]
    command += ["--pipeline", str(place.root / "config" / "pipeline.yaml")]
    command += ["--bootstrap-servers", place.bootstrap_servers]
    command += ["--checkpoints", str(place.root / "checkpoints")]
    command += ["--metrics-port", str(place.ports["goals"])]
    if place.kafka_secret is not None:
        command += ["--kafka-secret", str(place.kafka_secret)]
    return command


def _lake(pipeline: LogPipeline, place: Place) -> LakeSettings:
    external = pipeline.spec.kafka.external
    kafka = KafkaSettings(
        bootstrap_servers=place.bootstrap_servers,
        security=external.security if external else None,
        secret_folder=place.kafka_secret,
    )
    uri = lake_uri(pipeline, place.root / "lake")
    owner = f"{pipeline.name} on one machine"
    return lake_settings(
        pipeline,
        owner=owner,
        uri=uri,
        kafka=kafka,
        secret_folder=place.lake_secret,
        metrics_port=place.ports["lake"],
    )


def _generator_command(pipeline: LogPipeline, place: Place) -> list[str]:
    options = {
        **generate_options(pipeline, place.bootstrap_servers),
        "--ground-truth": str(place.root / "ground-truth.jsonl"),
        "--metrics-port": str(place.ports["generator"]),
    }
    if place.client_file is not None:
        options["--client-config"] = str(place.client_file)
    command = [sys.executable, "-m", "logpipeline", "generate"]
    for option, value in options.items():
        command += [option, value]
    return command


def _alert_bridge_command(place: Place) -> list[str]:
    command = [sys.executable, "-m", "logpipeline_alert_bridge"]
    command += ["--pipeline", str(place.root / "config" / "pipeline.yaml")]
    command += ["--bootstrap-servers", place.bootstrap_servers]
    command += ["--goals", f"http://{HOST}:{place.ports['goals']}"]
    command += ["--metrics-port", str(place.ports["alert-bridge"])]
    for use, folder in place.receiver_secrets.items():
        command += [f"--{use}-secret", folder]
    if place.client_file is not None:
        command += ["--client-config", str(place.client_file)]
    return command


def _console_command(pipeline: LogPipeline, place: Place) -> list[str]:
    command = [sys.executable, "-m", "logpipeline_console"]
    command += ["--file", str(place.root / "config" / "pipeline.yaml")]
    command += ["--bootstrap-servers", place.bootstrap_servers]
    command += ["--goals", f"http://{HOST}:{place.ports['goals']}"]
    command += ["--port", str(place.ports["console"])]
    if place.elasticsearch_url is not None:
        command += ["--connect", f"http://{HOST}:{place.ports['connect']}"]
        command += ["--elasticsearch", place.elasticsearch_url]
        if place.elasticsearch_secret is not None:
            command += ["--elasticsearch-secret", place.elasticsearch_secret]
    if alerts(pipeline):
        command += ["--alert-bridge", f"http://{HOST}:{place.ports['alert-bridge']}"]
    if pipeline.spec.lake is not None:
        command += ["--lake", f"http://{HOST}:{place.ports['lake']}"]
    if place.client_file is not None:
        command += ["--client-config", str(place.client_file)]
    return command


def common_environment(root: Path, distribution: Path) -> dict[str, str]:
    """Return what every process is given, the supervisor included: the mark, and folders for what it writes on the
    side.
    """
    temporary = root / "tmp"
    # -UsePerfData: a JVM otherwise keeps a file in /tmp, which a killed one leaves behind.
    java = f'-XX:-UsePerfData "-Djava.io.tmpdir={temporary}"'
    inherited = os.environ.get("JDK_JAVA_OPTIONS", "")
    return {
        MARK: str(root),
        "LOGPIPELINE_DIST": str(distribution),
        "TMPDIR": str(temporary),
        "SPARK_LOCAL_DIRS": str(temporary),
        "SPARK_LOCAL_IP": HOST,
        "JDK_JAVA_OPTIONS": f"{java} {inherited}".strip(),
        "PYTHONUNBUFFERED": "1",
        "NO_COLOR": "1",
    }
