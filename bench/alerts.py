"""From an offender to a notification: how long it takes through Kafka, Spark, the alert bridge and a real Alertmanager.

    sudo .venv/bin/python bench/alerts.py [--episodes 50]

On the cluster of `make cluster-up`. A burst of a client begins every four seconds. Measured from the record that passes
the threshold, by Kafka's timestamp, to the notification that it fires; and from the burst's last record to the
notification that it is resolved. Alertmanager waits for nothing (group_wait 0 s, group_interval 1 s). Prints a Markdown
table.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests" / folder) for folder in ("e2e", "integration")]

from alertmanagers import Alertmanagers, Notification  # noqa: E402
from conftest import restricted  # noqa: E402
from installation import Operator  # noqa: E402
from kubectl import wait_for  # noqa: E402
from pipelines_on_cluster import Pipeline, resource  # noqa: E402

SIZE, THRESHOLD = 20.0, 10


def bursts(pipeline: Pipeline) -> dict[str, tuple[float, float]]:
    """Return, by the offender's address, when its record that passes the threshold and its last one came to Kafka."""
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for message in pipeline.toolbox.topic(pipeline.bootstrap, pipeline.topic("raw")):
        try:
            record = json.loads(message.value or b"")
            client, moment = record["client_ip"], float(record["@timestamp"])
        except (ValueError, KeyError, TypeError):
            continue
        if client.startswith(("203.0.113.", "198.51.100.")):
            found[client].append((moment, message.timestamp_ms / 1000))
    result = {}
    for client, records in found.items():
        records.sort()
        passed = next(
            (
                at
                for n, (moment, at) in enumerate(records)
                if n >= THRESHOLD and moment - records[n - THRESHOLD][0] < SIZE
            ),
            None,
        )
        if passed is not None:
            result[client] = (passed, max(at for _, at in records))
    return result


def row(what: str, times: list[float]) -> str:
    """Return a line of the table."""
    ranks = statistics.quantiles(times, n=100)
    return f"| {what} | {len(times)} | {ranks[49]:.1f} s | {ranks[98]:.1f} s | {max(times):.1f} s |"


def first(notifications: list[Notification], status: str) -> dict[str, float]:
    """Return when each client's alert was first told to be `status`."""
    found: dict[str, float] = {}
    for one in notifications:
        if one.status == status:
            found.setdefault(one.labels["client_ip"], one.at)
    return found


def main() -> None:
    """Set up, measure, and remove everything."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--episodes", type=int, default=50)
    options = parser.parse_args()
    with restricted("operator") as home, restricted("alerts") as namespace:
        operator = Operator(home)
        operator.install()
        try:
            alertmanagers = Alertmanagers(namespace)
            source = {
                "topic": {"partitions": 4},
                "allowedLateness": "5s",
                "generator": {"ratePerSecond": 200, "offendersEvery": "4s"},
            }
            alerting = {"alertmanager": {"url": alertmanagers.url}}
            pipeline = Pipeline(namespace, resource("alerted", "client-rate", source=source, alerting=alerting))
            pipeline.apply()
            alertmanagers.start()
            pipeline.wait("Ready")
            # Those from before it was ready waited for the goal's start.
            ready = time.time()

            def enough() -> bool:
                resolved = first(alertmanagers.notifications(), "resolved")
                return sum(at > ready + 60 for at in resolved.values()) >= options.episodes

            wait_for(f"{options.episodes} episodes to be over", enough, 60 + 20 * options.episodes, every=5)
            told = alertmanagers.notifications()
            firing, resolved = first(told, "firing"), first(told, "resolved")
            seen = {client: moments for client, moments in bursts(pipeline).items() if moments[0] > ready}
            fired = [firing[client] - passed for client, (passed, _) in seen.items() if client in firing]
            over = [resolved[client] - last for client, (_, last) in seen.items() if client in resolved]
            print("| | episodes | p50 | p99 | most |\n|---|---|---|---|---|")
            print(row("threshold passed → firing", fired))
            print(row("last record → resolved", over))
            late = time.time() - 30
            missing = [client for client, (passed, _) in seen.items() if client not in firing and passed < late]
            load = f"Load of the machine ({os.cpu_count()} cores): {os.getloadavg()[0]:.1f}."
            print(f"\nBursts that were not told: {len(missing)}. {load}")
        finally:
            operator.uninstall()


if __name__ == "__main__":
    main()
