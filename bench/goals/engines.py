"""The engines: how each is started over a topic, and when it has read it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from usage import Usage
from workload import GOALS, LATENESS, PARALLELISM, Goal, Workload

from logpipeline.api import load
from logpipeline.results import read_result
from logpipeline.rules import chosen_rules
from processes import free_port

HERE = Path(__file__).parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "logpipeline" / "bench"
_LIMIT_SECONDS = 3600
# The least that closes windows of each goal.
_LITTLE = 320_000


@dataclass(frozen=True)
class Run:
    """One run of an engine: seconds from start to the last record, CPU seconds, peak and state in bytes."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    state_bytes: int


class EngineError(Exception):
    """An engine has ended without having done its work."""


@dataclass(frozen=True)
class Engine:
    """`command` starts it; `idle_seconds` it waits at the end for more. It is given at most `most` records of a goal
    where all would take an hour; `times` as many where all take a few seconds, which the noise of a start-up would
    hide; in a topic of `partitions`. `once`: it takes part in the first turn only. `read` makes its results windows;
    `early`: those of a threshold tell only that it was passed.
    """

    name: str
    command: Callable[[Task], list[str]]
    read: Callable[[Task, Iterable[bytes]], dict[tuple[str, int], float]]
    most: Mapping[str, int] = field(default_factory=dict)
    times: int = 1
    idle_seconds: float = 0.0
    answers: bool = True
    early: bool = False
    once: bool = False
    partitions: int = PARALLELISM

    def records(self, goal: Goal, records: int) -> int:
        """Return how many records it is given where the run is over `records`."""
        return min(records * self.times, self.most.get(goal.name, sys.maxsize))


@dataclass(frozen=True)
class Task:
    """A goal over a workload, in a folder of the run's own; the results go to the topic `results`. `memory` is what
    our own engine's resource gives to its goal, if anything.
    """

    goal: Goal
    workload: Workload
    servers: str
    results: str
    folder: Path
    memory: str | None = None

    @property
    def options(self) -> list[str]:
        """The options of each peer's program."""
        given = {
            "servers": self.servers,
            "topic": self.workload.topic,
            "results": self.results,
            "checkpoint": self.folder / "checkpoint",
            "goal": self.goal.name,
        }
        return [text for name, value in given.items() for text in (f"--{name}", str(value))]


def run(engine: Engine, task: Task, watch: Callable[[Mapping[str, Any]], object] = lambda _: None) -> Run:
    """Run an engine to the end of the topic; raises EngineError with the end of its log when it fails.

    `watch` is shown what our own goal says of itself, ten times a second.
    """
    task.folder.mkdir(parents=True)
    port = free_port()
    log = task.folder / "log"
    spark = {"SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable}
    environment = {**os.environ, "PYTHONPATH": str(HERE), **spark}
    command = engine.command(task)
    if engine is OURS:
        command += ["--metrics-port", str(port)]
    began = time.monotonic()
    with log.open("wb") as file:
        process = subprocess.Popen(
            command, stdout=file, stderr=subprocess.STDOUT, env=environment, cwd=task.folder, start_new_session=True
        )
    usage = Usage(process.pid)
    try:
        if engine is OURS:
            has_read = _has_read(process, port, task.workload.records, watch)
        else:
            has_read = process.wait(_LIMIT_SECONDS) == 0
        seconds = time.monotonic() - began - engine.idle_seconds
    finally:
        usage.stop()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if not has_read:
        raise EngineError(f"{engine.name} failed; its log ends:\n{log.read_text(errors='replace')[-3000:]}")
    checkpoint = task.folder / "checkpoint"
    state = sum(path.stat().st_size for path in checkpoint.rglob("*") if path.is_file())
    return Run(seconds, usage.cpu_seconds, usage.peak_bytes, state)


def _has_read(
    process: subprocess.Popen[bytes], port: int, records: int, watch: Callable[[Mapping[str, Any]], object]
) -> bool:
    """Wait until our own goal has read all, or has ended before that."""
    deadline = time.monotonic() + _LIMIT_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/progress") as answer:
            (goal,) = json.load(answer)["goals"]
            watch(goal)
            if goal["offset_total"] == records and goal["lag_records"] == 0:
                return True
        time.sleep(0.1)
    return False


def _ours(task: Task) -> list[str]:
    (task.folder / "pipeline.yaml").write_text(yaml.safe_dump(_resource(task)))
    options = {
        "pipeline": task.folder / "pipeline.yaml",
        "goal": task.goal.name,
        "bootstrap-servers": task.servers,
        "checkpoints": task.folder / "checkpoint",
    }
    return [sys.executable, "-m", "logpipeline_spark.goal", *(f"--{name}={value}" for name, value in options.items())]


def _resource(task: Task) -> dict[str, object]:
    window = {"size": f"{task.goal.size}s", "slide": f"{task.goal.slide}s"}
    goal = {"name": task.goal.name, "preset": task.goal.name, "window": window, "topic": {"name": task.results}}
    if task.goal.more_than is not None:
        goal["having"] = {"greaterThan": task.goal.more_than}
    return {
        "apiVersion": "logpipeline.dev/v1alpha1",
        "kind": "LogPipeline",
        "metadata": {"name": "bench"},
        "spec": {
            "source": {
                "topic": {"name": task.workload.topic, "partitions": PARALLELISM},
                "format": "json",
                "allowedLateness": f"{LATENESS}s",
                "generator": {"ratePerSecond": 1},
            },
            "kafka": {"managed": {"replicas": 1}},
            "spark": {"shards": PARALLELISM, "resources": {"limits": {"memory": task.memory}} if task.memory else None},
            "goals": [goal | {"startFrom": "earliest"}],
            "sink": {"elasticsearch": {"managed": {}, "index": "bench"}, "connect": {"replicas": 1, "tasksMax": 1}},
        },
    }


def _read_ours(task: Task, values: Iterable[bytes]) -> dict[tuple[str, int], float]:
    (rule,) = chosen_rules(load(task.folder / "pipeline.yaml"), [task.goal.name])
    results = (read_result(rule, value) for value in values)
    return {(result.key[0], result.start): result.value for result in results}


def _read_peer(_: Task, values: Iterable[bytes]) -> dict[tuple[str, int], float]:
    results = map(json.loads, values)
    return {(result["key"], int(result["start"])): float(result["value"]) for result in results}


def _spark(*more: str) -> Callable[[Task], list[str]]:
    return lambda task: [sys.executable, str(HERE / "peers" / "spark_sql.py"), *task.options, *more]


def _flink(backend: str) -> Callable[[Task], list[str]]:
    def command(task: Task) -> list[str]:
        (jar,) = (CACHE / "flink-jars").glob("flink-sql-connector-kafka-*.jar")
        program = [str(CACHE / "flink" / "bin" / "python"), str(HERE / "peers" / "flink_sql.py")]
        return [*program, *task.options, "--jar", str(jar), "--backend", backend]

    return command


def _quix(task: Task) -> list[str]:
    return [str(CACHE / "quix" / "bin" / "python"), str(HERE / "peers" / "quix_streams.py"), *task.options]


BOUND = Engine("read only (Spark, no-op sink)", _spark("--noop", "read"), _read_peer, times=3, answers=False)
_DEFAULT_READ = _spark("--noop", "read", "--poll-records", "500")
_HANDED = _spark("--noop", "python")
OURS = Engine("LogPipeline", _ours, _read_ours, early=True)
ENGINES = {
    "bound": BOUND,
    "bound-default": Engine("read only, consumer's defaults", _DEFAULT_READ, _read_peer, answers=False, once=True),
    "bound-python": Engine("read, handed to Python, dropped", _HANDED, _read_peer, times=3, answers=False),
    "ours": OURS,
    "flink-heap": Engine("Flink SQL, hashmap state", _flink("hashmap"), _read_peer, most={"client-rate": 1_000_000}),
    "flink-rocksdb": Engine(
        "Flink SQL, RocksDB state", _flink("rocksdb"), _read_peer, most={"client-rate": _LITTLE}, once=True
    ),
    "spark": Engine("plain Spark windows", _spark(), _read_peer, most={"client-rate": _LITTLE}),
    "quix": Engine(
        "Quix Streams",
        _quix,
        _read_peer,
        most=dict.fromkeys(GOALS, _LITTLE),
        idle_seconds=15.0,
        once=True,
        partitions=1,
    ),
}
