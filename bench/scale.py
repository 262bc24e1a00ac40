"""How many LogPipelines one operator bears, on the cluster of `make cluster-up` with fake nodes (kwok).

    sudo .venv/bin/python bench/scale.py [--pipelines 300] [--rest 120]

Each pipeline has one goal on a Kafka that all share and that is real; its pods are fake, and a stand-in answers for the
goals. Prints a Markdown table: the time from a write to `status.observedGeneration` while all are created at once, one
by one at rest, and with a change to all; what the operator asks and writes at rest; its memory and CPU.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))

from kubernetes import client, config, watch  # noqa: E402

from installation import Operator  # noqa: E402
from kubectl import Namespace, environment, run, wait_for  # noqa: E402
from logpipeline.api import API_VERSION, KIND, parse  # noqa: E402
from logpipeline.rules import chosen_rules, state_identity  # noqa: E402
from logpipeline_operator.desired.addresses import GOAL_METRICS_PORT  # noqa: E402

API = tuple(API_VERSION.split("/"))
PLURAL = "logpipelines"
FAKE_PODS = "10.245.0.0/16"
PLACE = {
    "nodeSelector": {"type": "kwok"},
    "tolerations": [{"key": "kwok.x-k8s.io/node", "operator": "Exists", "effect": "NoSchedule"}],
}
GOAL = {"name": "errors", "groupBy": ["host"], "window": {"size": "1m"}, "topic": {"name": "scale.errors"}}


def pipeline(name: str, **spec: Any) -> dict[str, Any]:
    """Return a pipeline with one goal whose pods are fake."""
    defaults = {
        "source": {"topic": {"name": "scale.raw", "partitions": 1}, "invalidTopic": {"name": "scale.invalid"}},
        "kafka": {"external": {"bootstrapServers": "shared-kafka-bootstrap.scale-kafka.svc.cluster.local:9092"}},
        "spark": {"checkpoint": {"uri": "s3a://checkpoints/scale"}, "pod": PLACE},
        "goals": [GOAL],
    }
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": name, "namespace": "scale"},
        "spec": {**defaults, **spec},
    }


class Clock:
    """When each pipeline's newest spec was written and when its status told of it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._written: dict[tuple[str, int], float] = {}
        self._seen: dict[tuple[str, int], float] = {}
        self.ready: set[str] = set()
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        api = client.CustomObjectsApi(client.ApiClient())
        while True:
            stream = watch.Watch().stream(api.list_namespaced_custom_object, *API, "scale", PLURAL, timeout_seconds=600)
            for event in stream:
                self._note(event["object"], time.monotonic())

    def _note(self, document: dict[str, Any], moment: float) -> None:
        name, status = document["metadata"]["name"], document.get("status", {})
        conditions = {one["type"]: one["status"] for one in status.get("conditions", [])}
        with self._lock:
            (self.ready.add if conditions.get("Ready") == "True" else self.ready.discard)(name)
            self._seen.setdefault((name, status.get("observedGeneration", 0)), moment)

    def wrote(self, document: dict[str, Any], moment: float) -> None:
        """Note a write that began at `moment`; `document` is what came back."""
        with self._lock:
            self._written[document["metadata"]["name"], document["metadata"]["generation"]] = moment

    def times(self, seconds: float) -> list[float]:
        """Wait until each write is told of, and return in how many seconds it was; forgets them."""

        def all_seen() -> bool:
            with self._lock:
                return self._written.keys() <= self._seen.keys()

        wait_for("every status to be observed", all_seen, seconds)
        with self._lock:
            times = [self._seen[key] - moment for key, moment in self._written.items()]
            self._written.clear()
        return times


def row(what: str, times: list[float]) -> str:
    """Return a line of the table."""
    ranks = statistics.quantiles(times, n=100) if len(times) > 1 else times * 99
    return f"| {what} | {len(times)} | {ranks[49]:.2f} s | {ranks[98]:.2f} s | {max(times):.2f} s |"


@contextlib.contextmanager
def fake_goals(folder: Path) -> Iterator[None]:
    """Answer for every fake pod, in the node's own network."""
    document = parse(pipeline("any"))
    (rule,) = chosen_rules(document, ())
    progress = {
        "goal": "errors", "state": "running", "rule": state_identity(document, rule), "state_version": 1, "batch": 1,
        "checkpoint": "s3a://checkpoints/scale", "last_batch_time": "2026-01-01T00:00:00Z", "offsets": {"0": 0},
        "offset_total": 0, "lag_records": 0, "records_total": 0, "invalid_total": 0, "restarts": 0,
    }  # fmt: skip
    answer = folder / "progress.json"
    answer.write_text(json.dumps({"pipeline": "any", "goals": [progress]}))
    (node,) = subprocess.run(
        ["pgrep", "-o", "-x", "kubelet"], capture_output=True, text=True, check=True
    ).stdout.split()
    inside = ["nsenter", "--target", node, "--net"]
    subprocess.run([*inside, "ip", "route", "replace", "local", FAKE_PODS, "dev", "lo"], check=True)
    command = [
        *inside,
        sys.executable,
        str(Path(__file__).with_name("fake_goals.py")),
        str(GOAL_METRICS_PORT),
        str(answer),
    ]
    server = subprocess.Popen(command)
    try:
        yield
    finally:
        server.terminate()
        subprocess.run([*inside, "ip", "route", "del", "local", FAKE_PODS, "dev", "lo"], check=False)


def counters(operator: Operator) -> dict[str, float]:
    """Return what the operator counts, summed over labels."""
    sums: dict[str, float] = {}
    for (name, labels), value in operator.metrics().items():
        if ("kind", "LogPipeline") not in labels:
            sums[name] = sums.get(name, 0.0) + value
    return sums


def measure(operator: Operator, number: int, rest: float) -> None:
    """Create, rest, change; print as it goes."""
    api = client.CustomObjectsApi()
    clock = Clock()
    names = [f"p{index:04}" for index in range(number)]

    def create(name: str) -> None:
        began = time.monotonic()
        clock.wrote(api.create_namespaced_custom_object(*API, "scale", PLURAL, pipeline(name)), began)

    def change(name: str, trigger: str) -> None:
        began = time.monotonic()
        patch = {"spec": {"spark": {"trigger": trigger}}}
        clock.wrote(api.patch_namespaced_custom_object(*API, "scale", PLURAL, name, patch), began)

    def at_once(action: Callable[[str], None]) -> None:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(action, names))

    print("| | pipelines | p50 | p99 | most |\n|---|---|---|---|---|")
    at_once(create)
    print(row("created at once", clock.times(900)), flush=True)
    wait_for("all to be Ready", lambda: len(clock.ready) == number, 900, every=2)
    time.sleep(60)
    before = counters(operator)
    time.sleep(rest)
    after = counters(operator)
    for name in names[:: max(1, number // 100)]:
        change(name, "11s")
        time.sleep(0.3)
    print(row("changed one by one, at rest", clock.times(120)), flush=True)
    time.sleep(20)
    at_once(lambda name: change(name, "12s"))
    print(row("a change to all", clock.times(900)), flush=True)
    last = counters(operator)
    grown = {name: after[name] - before[name] for name in after}
    prefix = "logpipeline_operator_"
    print(
        f"\nAt rest, in {rest:g} s: {grown[prefix + 'writes_total']:g} writes, "
        f"{grown[prefix + 'status_writes_total']:g} status writes, {grown[prefix + 'api_requests_total']:g} API "
        f"requests, {grown['process_cpu_seconds_total']:.1f} s of CPU, "
        f"{after['process_resident_memory_bytes'] / 2**20:.0f} MiB; "
        f"after the change to all {last['process_resident_memory_bytes'] / 2**20:.0f} MiB.\n"
        f"Load of the machine ({os.cpu_count()} cores): {os.getloadavg()[0]:.1f}."
    )


def main() -> None:
    """Set up, measure, and remove everything."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pipelines", type=int, default=300)
    parser.add_argument("--rest", type=float, default=120, help="seconds at rest over which is counted")
    options = parser.parse_args()
    config.load_kube_config(environment()["KUBECONFIG"])
    kwok = str(ROOT / "tests" / "cluster" / "kwok.sh")
    spaces = [Namespace(name) for name in ("scale", "scale-kafka", "scale-operator")]
    subprocess.run([kwok, "up", str(1 + options.pipelines // 500)], check=True)
    try:
        for space in spaces:
            run("kubectl", "create", "namespace", space.name)
        operator = Operator(spaces[2])
        operator.install("watchNamespaces={scale,scale-kafka}")
        shared = pipeline("shared", kafka={"managed": {"storage": {"size": "1Gi"}}})
        shared["metadata"]["namespace"] = "scale-kafka"
        folder = Path(environment()["KUBECONFIG"]).parent
        with fake_goals(folder):
            spaces[1].apply(shared)
            ready = ("wait", "--for=condition=Ready", f"{PLURAL}.{API[0]}/shared", "--timeout=120s")
            spaces[1].kubectl(*ready)
            measure(operator, options.pipelines, options.rest)
    finally:
        for space in spaces[:2]:
            run("kubectl", "delete", "namespace", space.name, "--ignore-not-found", "--timeout=300s", seconds=320)
        with contextlib.suppress(AssertionError):
            Operator(spaces[2]).uninstall()
        run("kubectl", "delete", "namespace", spaces[2].name, "--ignore-not-found", "--timeout=60s")
        subprocess.run([kwok, "down"], check=True)


if __name__ == "__main__":
    main()
