"""`console`: from the options to a running server."""

from __future__ import annotations

import ipaddress
import logging
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from logpipeline.api import LogPipeline, load_accepted
from logpipeline.commands import resource_file
from logpipeline.errors import LogPipelineError, first_line
from logpipeline.kafka.properties import read_client_properties
from logpipeline.kafka.security import read_credentials
from logpipeline.plain import LogFormatter, say
from logpipeline.serving import listen, serve
from logpipeline_console.addresses import Addresses
from logpipeline_console.app import application
from logpipeline_console.board import Board
from logpipeline_console.evidence import Evidence
from logpipeline_console.feed import about, backtest_feed, live_feed
from logpipeline_console.goals import goals_of
from logpipeline_console.metrics import registry_of, verdicts
from logpipeline_console.observer import Observer
from logpipeline_console.results import Follower, load_results
from logpipeline_console.server import server
from logpipeline_console.windows import Windows

_MOST_WINDOWS, _MOST_WINDOWS_OF_A_BACKTEST = 20_000, 1_000_000
_BACKLOG = 2000
_folder = click.Path(path_type=Path, exists=True, file_okay=False)
_port = click.IntRange(0, 65535)
_file = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command(context_settings={"show_default": True, "max_content_width": 110})
@resource_file
@click.option("--results", type=_folder, help="Show a backtest: the folder that `backtest --output` wrote.")
@click.option("--bootstrap-servers", default="127.0.0.1:9092", help="Kafka, host:port with commas between.")
@click.option("--client-config", type=click.Path(path_type=Path), help="Kafka client settings, key=value lines.")
@click.option("--goals", "goal_urls", multiple=True, help="URL under which goals tell their progress.")
@click.option("--connect", "connect_url", help="URL of Kafka Connect.")
@click.option("--connect-secret", type=_folder, help="Folder of the Secret of Kafka Connect: username, password.")
@click.option("--elasticsearch", "elasticsearch_url", help="URL of Elasticsearch, several with commas between.")
@click.option("--elasticsearch-secret", type=_folder, help="Folder of the Secret of Elasticsearch.")
@click.option("--alert-bridge", help="URL under which the alert bridge tells of itself.")
@click.option("--lake", help="URL under which the lake's writer reports its progress and hands out reports.")
@click.option("--host", default="127.0.0.1", help="Address to listen on; one that others reach needs --token-file.")
@click.option("--port", type=_port, default=8080, help="Port to listen on.")
@click.option("--token-file", type=_file, help="File with the token that a browser needs: /?token=TOKEN.")
@click.option("--metrics-port", type=_port, help="Port of /metrics, /healthz and /readyz; absent: none.")
@click.option("--metrics-address", default="127.0.0.1", help="Address that --metrics-port listens on.")
def console(
    path: Path,
    results: Path | None,
    bootstrap_servers: str,
    client_config: Path | None,
    goal_urls: tuple[str, ...],
    connect_url: str | None,
    connect_secret: Path | None,
    elasticsearch_url: str | None,
    elasticsearch_secret: Path | None,
    alert_bridge: str | None,
    lake: str | None,
    host: str,
    port: int,
    token_file: Path | None,
    metrics_port: int | None,
    metrics_address: str,
) -> None:
    """Show a pipeline on one page: its path, detections, the records behind them, metrics. Read-only.

    `logpipeline up` and the operator start it with the right addresses. By hand it is for what a backtest has found:

    \b
      logpipeline backtest -f nginx.yaml --input access.log.*.gz --output results/
      logpipeline console  -f nginx.yaml --results results/
    """
    handler = logging.StreamHandler()
    handler.setFormatter(LogFormatter("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    # A line a request; what Elasticsearch has against one stands on the page.
    logging.getLogger("elastic_transport").setLevel(logging.ERROR)
    pipeline = load_accepted(path)
    token = _token(token_file)
    if token is None and not _is_loopback(host):
        raise LogPipelineError(f"--host: {host} can be reached from elsewhere; give a token with --token-file")
    addresses = None
    if results is None:
        addresses = Addresses(
            kafka={
                **(read_client_properties(client_config) if client_config else {}),
                "bootstrap.servers": bootstrap_servers,
            },
            goals=goal_urls,
            connect=connect_url,
            connect_secret=read_credentials(connect_secret).values if connect_secret else None,
            elasticsearch=elasticsearch_url,
            elasticsearch_secret=read_credentials(elasticsearch_secret).values if elasticsearch_secret else None,
            alert_bridge=alert_bridge,
            lake=lake,
        )
    listening = listen(host, port, "--port")
    board, stop = Board(), threading.Event()
    description, sources, evidence = _wire(pipeline, addresses, results, stop)
    if metrics_port is not None:
        serve(registry_of(board, pipeline.name), verdicts(board), metrics_address, metrics_port)
    app = application(board, description, sources, evidence, token=token, lake=lake)
    say(f"console: http://{host}:{listening.getsockname()[1]}/{'?token=…' if token else ''}", err=True)
    for number in (signal.SIGTERM, signal.SIGINT):
        # The server takes them while it runs, and at its end hands on to us the one that has ended it.
        signal.signal(number, lambda *_: None)
    try:
        server(app).run(sockets=[listening])
    finally:
        stop.set()


def _wire(
    pipeline: LogPipeline, addresses: Addresses | None, results: Path | None, stop: threading.Event
) -> tuple[dict[str, Any], dict[str, Callable[[], Any]], Evidence]:
    """Return what the server shows; threads that read and ask run until `stop` is set."""
    goals = goals_of(pipeline)
    most = _MOST_WINDOWS if results is None else _MOST_WINDOWS_OF_A_BACKTEST
    windows = [Windows(goal, most) for goal in goals]
    by_topic = {store.goal.topic: store for store in windows}
    if addresses is None:
        assert results is not None
        load_results(results, by_topic)
        return about(pipeline, goals, live=False), backtest_feed(windows), Evidence(None, "", goals)
    observer = Observer(pipeline, addresses)
    observer.start(stop)
    Follower(addresses.kafka, by_topic, _BACKLOG).start(stop)
    evidence = Evidence(observer.elasticsearch, pipeline.index(), goals)
    return about(pipeline, goals, live=True), live_feed(pipeline, windows, observer), evidence


def _token(path: Path | None) -> str | None:
    if path is None:
        return None
    try:
        token = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise LogPipelineError(f"--token-file: {path} cannot be read: {first_line(error)}") from error
    if not token:
        raise LogPipelineError(f"--token-file: {path} is empty")
    return token


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
