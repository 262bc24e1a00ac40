"""`alert-bridge`: from the options to a running bridge."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from confluent_kafka import Consumer, KafkaException
from confluent_kafka.admin import AdminClient

from logpipeline.api import LogPipeline, load_accepted
from logpipeline.api.alerting import Alerting
from logpipeline.errors import LogPipelineError
from logpipeline.kafka.properties import read_client_properties
from logpipeline.kafka.security import read_credentials
from logpipeline.serving import serve
from logpipeline_alert_bridge.bridge import Bridge
from logpipeline_alert_bridge.detections import alerting_goals
from logpipeline_alert_bridge.metrics import BridgeMetrics
from logpipeline_alert_bridge.reading import Reading
from logpipeline_alert_bridge.receivers import Credentials, Receiver, WebhookReceiver, peers
from logpipeline_alert_bridge.serving import verdicts
from logpipeline_alert_bridge.store import Store
from logpipeline_alert_bridge.topics import TopicIds
from logpipeline_alert_bridge.watermarks import Watermarks

_LOG = logging.getLogger(__name__)
_folder = click.Path(path_type=Path, exists=True, file_okay=False)


@click.command(context_settings={"show_default": True, "max_content_width": 110})
@click.option(
    "--pipeline", "path", required=True, type=click.Path(path_type=Path), help="The LogPipeline resource (YAML)."
)
@click.option("--bootstrap-servers", default="127.0.0.1:9092", help="Kafka, host:port with commas between.")
@click.option("--client-config", type=click.Path(path_type=Path), help="Kafka client settings, key=value lines.")
@click.option("--goals", "goal_urls", multiple=True, required=True, help="URL under which goals tell their progress.")
@click.option("--alertmanager-secret", type=_folder, help="Folder of the Secret of spec.alerting.alertmanager.")
@click.option("--webhook-secret", type=_folder, help="Folder of the Secret of spec.alerting.webhook.")
@click.option("--index", help="Index of the raw records, for links to them.  [default: that of the resource]")
@click.option("--metrics-port", type=int, default=9406, help="Port of /metrics, /healthz and /readyz.")
@click.option("--metrics-address", default="127.0.0.1", help="Address that --metrics-port listens on.")
def main(
    path: Path,
    bootstrap_servers: str,
    client_config: Path | None,
    goal_urls: tuple[str, ...],
    alertmanager_secret: Path | None,
    webhook_secret: Path | None,
    index: str | None,
    metrics_port: int,
    metrics_address: str,
) -> None:
    """Tell Alertmanager and a webhook of a pipeline's detections until SIGTERM.

    Windows of one key that follow each other are one alert. Open alerts are kept in a compacted topic: a killed bridge
    goes on where it was.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    pipeline = load_accepted(path)
    goals = alerting_goals(pipeline)
    alerting = pipeline.spec.alerting
    if alerting is None or not goals:
        raise LogPipelineError(f"{path}: spec.alerting is absent, or no goal has `having`: nobody is to be told")
    settings = read_client_properties(client_config) if client_config else {}
    settings["bootstrap.servers"] = bootstrap_servers
    metrics = BridgeMetrics(pipeline.name)
    watermarks = Watermarks(goal_urls)
    try:
        consumer = Consumer(_consumer_settings(pipeline, settings))
        admin = AdminClient({**settings, "log_level": 0})
        topics = {goal.rule.name: topic for topic, goal in goals.items()}
        bridge = Bridge(
            pipeline,
            goals,
            consumer,
            Store(pipeline.topics()["alerts"].name or "", settings),
            watermarks,
            Reading(consumer, admin, topics),
            TopicIds(admin),
            lambda known: _receivers(alerting, alertmanager_secret, webhook_secret, known),
            metrics,
            index or pipeline.index(),
        )
        server = serve(metrics.registry, verdicts(bridge), metrics_address, metrics_port)
        watermarks.start(stop)
        bridge.run(stop)
        server.close()
    except KafkaException as error:
        raise LogPipelineError(f"Kafka at {bootstrap_servers}: {error.args[0].str()}") from error


def _consumer_settings(pipeline: LogPipeline, settings: Mapping[str, str]) -> dict[str, Any]:
    return {
        **settings,
        "group.id": f"{pipeline.name_on_kafka}.alert-bridge",
        # The one that starts after a crash takes the place of the one before at once, and fences it off.
        "group.instance.id": f"{pipeline.name_on_kafka}.alert-bridge",
        "enable.auto.commit": False,
        "auto.offset.reset": "earliest",
        "topic.metadata.refresh.interval.ms": 10_000,
        # Kafka's default of half a second would be part of every alert's way.
        "fetch.wait.max.ms": 100,
    }


def _receivers(
    alerting: Alerting, alertmanager_secret: Path | None, webhook_secret: Path | None, known: Mapping[str, Receiver]
) -> dict[str, Receiver]:
    """Return every address to tell, those that are `known` as they are."""
    found: dict[str, Receiver] = {}
    if alerting.alertmanager is not None:
        try:
            addresses = peers(alerting.alertmanager.url)
        except OSError as error:
            _LOG.warning("spec.alerting.alertmanager.url: %s: %s", alerting.alertmanager.url, error)
            addresses = {}
        # Where the resolver is out of order, those that are known have to do.
        if not addresses:
            found |= {name: receiver for name, receiver in known.items() if not receiver.once}
        for name, (url, host) in addresses.items():
            found[name] = known.get(name) or Receiver(name, url, _credentials(alertmanager_secret), host)
    if alerting.webhook is not None:
        found["webhook"] = known.get("webhook") or WebhookReceiver(
            "webhook", alerting.webhook.url, _credentials(webhook_secret)
        )
    return found


def _credentials(folder: Path | None) -> Credentials:
    return Credentials(read_credentials(folder).values if folder else {})
