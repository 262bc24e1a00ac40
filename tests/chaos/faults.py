"""What is done to a running pipeline, each fault by its name."""

from __future__ import annotations

import itertools
import json
import signal
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass

import psutil
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewPartitions  # type: ignore[attr-defined]  # exported, but not by __all__

from local_run import Run

RAW = "test-inter"
STOPPED_SECONDS = 12.0
_POISON = 1_000


@dataclass(frozen=True)
class Fault:
    """`do` harms the run and returns when the harm is over; what is left to do is the pipeline's."""

    name: str
    do: Callable[[Run], None]


def all_faults() -> list[Fault]:
    """Every part killed and frozen, alone and in pairs, and what can happen to topics, offsets and records."""
    killed = [Fault(f"kill -9 {part}", _killer(part)) for part in PARTS]
    frozen = [Fault(f"SIGSTOP {part}, {STOPPED_SECONDS:g} s", _freezer(part)) for part in PARTS]
    pairs = list(itertools.combinations(("goal JVM", "broker", "Connect", "Elasticsearch", "generator"), 2))
    killed_pairs = [Fault(f"kill -9 {one} and {other}", _killer(one, other)) for one, other in pairs]
    frozen_pairs = [
        Fault(f"SIGSTOP {one} and {other}, {STOPPED_SECONDS:g} s", _freezer(one, other)) for one, other in pairs
    ]
    others = [
        Fault(f"{_POISON:,} malformed records of 50 kinds", poison),
        Fault("records from 1 h ahead", clock_jump),
        Fault("the connector's offsets reset", reset_offsets),
        Fault("the raw topic grows by two partitions", grow),
        Fault("no write of the goals succeeds, as on a full disk", full_disk),
        Fault("a checkpoint cut off: refused until it is restored", cut_checkpoint),
    ]
    return [*killed, *frozen, *others, *killed_pairs, *frozen_pairs]


def in_turn(*faults: Fault) -> Fault:
    """Return a fault that does all of them, the next at once after the one before."""

    def do(run: Run) -> None:
        for fault in faults:
            fault.do(run)

    return Fault("; ".join(fault.name for fault in faults), do)


def _component(name: str) -> Callable[[Run], list[psutil.Process]]:
    return lambda run: [psutil.Process(run.component(name)["pid"])]


def _jvm(run: Run) -> list[psutil.Process]:
    return [child for child in _component("goals")(run)[0].children() if child.name() == "java"]


def _workers(run: Run) -> list[psutil.Process]:
    return [child for jvm in _jvm(run) for child in jvm.children(recursive=True) if "python" in child.name()]


PARTS: dict[str, Callable[[Run], list[psutil.Process]]] = {
    "goal driver": _component("goals"),
    "goal JVM": _jvm,
    "Python workers": _workers,
    "broker": _component("kafka"),
    "Connect": _component("connect"),
    "Elasticsearch": _component("elasticsearch"),
    "generator": _component("generator"),
    "console": _component("console"),
}


def _signalled(run: Run, parts: tuple[str, ...], number: int) -> list[psutil.Process]:
    """Signal all processes of the parts; those that ended in between have had worse."""
    found = [process for part in parts for process in PARTS[part](run)]
    assert found, f"{parts}: no such process"
    for process in found:
        try:
            process.send_signal(number)
        except psutil.NoSuchProcess:
            continue
    return found


def _killer(*parts: str) -> Callable[[Run], None]:
    return lambda run: psutil.wait_procs(_signalled(run, parts, signal.SIGKILL), timeout=10) and None


def _freezer(*parts: str) -> Callable[[Run], None]:
    def freeze(run: Run) -> None:
        found = _signalled(run, parts, signal.SIGSTOP)
        time.sleep(STOPPED_SECONDS)
        for process in found:
            if process.is_running():
                process.send_signal(signal.SIGCONT)

    return freeze


def stop_generator(run: Run) -> None:
    """Let nothing more be produced."""
    _signalled(run, ("generator",), signal.SIGSTOP)


def poison(run: Run) -> None:
    """Send malformed records in one go."""
    good = {"@timestamp": f"{time.time():.3f}", "client_ip": "192.0.2.1", "host": "poison", "status": "200"}
    text = json.dumps(good)
    broken: list[str | bytes] = [
        "",
        " ",
        "{",
        "}",
        "[]",
        "null",
        "1",
        '"text"',
        "true",
        "NaN",
        b"\xff\xfe",
        b"\x00" * 64,
    ]
    broken += [text[:cut] for cut in range(5, len(text) - 1, 7)][:12]
    broken += [text + tail for tail in ("x", "}", "]", "{}", text, ",", "\x00")]
    times = ("", "never", "NaN", "Infinity", "-Infinity", "1e400", "2026-11-26", "9" * 30, None, [], {}, True)
    broken += [json.dumps(good | {"@timestamp": value}) for value in times]
    broken += [json.dumps(good | {"status": value}) for value in ("x", "20x", "", [], {}, "2.5.1", "0x10")]
    _send(run, [broken[number % len(broken)] for number in range(_POISON)])


def clock_jump(run: Run) -> None:
    """Send records whose clock is an hour ahead: were they believed, all that follows would be late."""
    ahead = {"@timestamp": f"{time.time() + 3600:.3f}", "client_ip": "192.0.2.2", "host": "ahead", "status": "200"}
    _send(run, [json.dumps(ahead)] * 100)


def _send(run: Run, values: list[str | bytes]) -> None:
    producer = Producer({"bootstrap.servers": run.status()["kafka"]["bootstrap_servers"]})
    for value in values:
        producer.produce(RAW, value)
    assert producer.flush(30) == 0


def reset_offsets(run: Run) -> None:
    """Have the sink read everything again."""
    url = run.status()["connect"]["url"]
    with urllib.request.urlopen(f"{url}/connectors", timeout=10) as answer:
        (connector,) = json.load(answer)
    for method, path in (("PUT", "stop"), ("DELETE", "offsets"), ("PUT", "resume")):
        request = urllib.request.Request(f"{url}/connectors/{connector}/{path}", method=method)
        urllib.request.urlopen(request, timeout=30).close()
        time.sleep(1)  # Connect answers before its tasks have stopped, and takes offsets only from stopped ones


def partitions_of_raw(run: Run) -> int:
    """How many the raw topic has."""
    return len(_admin(run).list_topics(RAW, timeout=10).topics[RAW].partitions)


def grow(run: Run) -> None:
    """Add partitions, and have the generator find them."""
    admin = _admin(run)  # held until the answer is there
    admin.create_partitions([NewPartitions(RAW, partitions_of_raw(run) + 2)])[RAW].result(timeout=30)
    _killer("generator")(run)


def _admin(run: Run) -> AdminClient:
    return AdminClient({"bootstrap.servers": run.status()["kafka"]["bootstrap_servers"]})


def full_disk(run: Run) -> None:
    """Let every write to a file fail until a goal says so; the limit of a process needs no rights and no volume."""
    (jvm,) = _jvm(run)
    soft, hard = jvm.rlimit(psutil.RLIMIT_FSIZE)
    jvm.rlimit(psutil.RLIMIT_FSIZE, (0, hard))
    try:
        run.wait_until(lambda: any(goal["state"] == "failed" for goal in run.status()["goals"]), 60)
    finally:
        jvm.rlimit(psutil.RLIMIT_FSIZE, (soft, hard))


def cut_checkpoint(run: Run) -> None:
    """Take the end off the newest entry of a goal's offset log: it must say so, and go on only from the whole one."""
    _signalled(run, ("goal JVM",), signal.SIGSTOP)
    offsets = run.state / "checkpoints" / "client-rate" / "offsets"
    newest = max((path for path in offsets.iterdir() if path.name.isdigit()), key=lambda path: int(path.name))
    whole = newest.read_bytes()
    newest.write_bytes(whole[:-9])
    _killer("goal driver", "goal JVM")(run)
    run.wait_until(lambda: any("cut off" in (goal["error"] or "") for goal in run.status()["goals"]), 90)
    newest.write_bytes(whole)
    _killer("goal driver")(run)
