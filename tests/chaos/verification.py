"""Whether a pipeline has come back after a fault, and whether what it has written is what the raw topic says."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

from confluent_kafka import KafkaException

import messages
from faults import RAW, stop_generator
from local_run import Run, taken
from reference import Reference, found
from test_goals import GOALS

PRESETS = ("client-rate", "host-errors", "country-success", "host-latency")
EARLY = PRESETS[:2]
TOPICS = {name: f"goal{number}-topic" for number, name in enumerate(PRESETS, 1)}
DEAD_LETTERS = "nginx.sink-dead-letters"
_RECOVERY_SECONDS = 240.0


def wait_until_recovered(run: Run) -> float:
    """Wait until every goal and the sink have taken all that is in the topic now; returns the seconds it took."""
    began = time.monotonic()
    target: int | None = None
    lacking = ["Kafka"]
    goals = len(run.goals())
    while lacking:
        assert time.monotonic() - began < _RECOVERY_SECONDS, f"{', '.join(lacking)}: not back\n{run.output[-3000:]}"
        assert run.process.poll() is None, f"the run has ended:\n{run.output[-3000:]}"
        time.sleep(0.5)
        status = run.status()
        if target is None:
            target = _next_record(status)
            continue
        lacking = [goal["goal"] for goal in status["goals"] if (goal["offset_total"] or 0) < target]
        if taken(status["totals"] or {}) < target:
            lacking.append("the sink")
        if len(status["goals"]) < goals:
            lacking.append("the goals")
    return time.monotonic() - began


def wait_until_drained(run: Run) -> None:
    """Stop the generator, and wait until each record has gone through every goal and is in the index or among the dead
    letters, of which a worker that was killed may have sent some twice.
    """
    stop_generator(run)
    servers = run.status()["kafka"]["bootstrap_servers"]

    def drained() -> bool:
        status = run.status()
        totals = status["totals"]
        if totals is None or totals["kept"] is None:
            return False
        if any(goal["offset_total"] != totals["kept"] for goal in status["goals"]) or taken(totals) < totals["kept"]:
            return False
        return bool(totals["indexed"] + _refused(servers) == totals["kept"])

    run.wait_until(drained, _RECOVERY_SECONDS)


def _refused(servers: str) -> int:
    """How many records stand behind the dead letters."""
    letters = (message.headers for message in messages.read(servers, DEAD_LETTERS))
    return len({(letter["__connect.errors.partition"], letter["__connect.errors.offset"]) for letter in letters})


def _next_record(status: dict[str, Any]) -> int | None:
    """How many records there will be with the next one, None while Kafka does not answer.

    Kafka is asked: what the status says may be from before a fault. One more than there are: a part that stands still
    has read all of a topic that stands still, too.
    """
    try:
        return messages.count(status["kafka"]["bootstrap_servers"], RAW, timeout=1) + 1
    except KafkaException:
        return None


def assert_exact(run: Run, reference: Reference) -> int:
    """Demand that results are those of the raw topic by identity and value, that none is missing of what the goals
    have read and closed, and that a duplicate is the same to the byte. Returns how many results were compared.

    `reference` is the topic of the check before, and has that of this one afterwards.
    """
    status = run.status()
    servers = status["kafka"]["bootstrap_servers"]
    goals: dict[str, Any] = {goal["goal"]: goal for goal in status["goals"]}
    topics = {name: TOPICS[name] for name in run.goals()}
    results = {name: [message.value for message in messages.read(servers, topic)] for name, topic in topics.items()}
    raw = messages.read(servers, RAW)
    reference.add(raw)
    assert len(raw) == len(reference), f"{RAW} held {len(reference)} records once, now {len(raw)}"
    compared = 0
    for name in topics:
        rule, goal = GOALS[name], goals[name]
        written = found(results[name], rule)
        right = reference.windows(rule)
        offsets = {int(partition): offset for partition, offset in goal["offsets"].items()}
        read = reference.windows(rule, offsets)
        if name not in EARLY:
            watermark = datetime.fromisoformat(goal["watermark"]).timestamp()
            read = {window: value for window, value in read.items() if window[1] + rule["size"] <= watermark}
            wrong = [window for window, value in written.items() if not _same(right.get(window), value)]
            assert not wrong, (
                f"{name}: {len(wrong)} wrong, such as {wrong[0]}: {written[wrong[0]]}, not {right.get(wrong[0])}"
            )
        missing, extra = read.keys() - written.keys(), written.keys() - right.keys()
        assert not missing, f"{name}: {len(missing)} missing, such as {next(iter(missing))}"
        assert not extra, f"{name}: {len(extra)} that should not be, such as {next(iter(extra))}"
        compared += len(written)
    return compared


def _same(right: tuple[int, float] | None, written: tuple[int, float]) -> bool:
    return right is not None and right[0] == written[0] and abs(right[1] - written[1]) < 1e-9
