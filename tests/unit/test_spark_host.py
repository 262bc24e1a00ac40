"""One goal that fails does not touch the others."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from py4j.protocol import Py4JError, Py4JJavaError
from pyspark.errors import PySparkException

from logpipeline.errors import LogPipelineError
from logpipeline_spark.failures import CheckpointError, cause
from logpipeline_spark.host import Host
from logpipeline_spark.progress import Board, Goal


class _Answer:
    """The end of a JVM that answers with a stack trace, in py4j's protocol."""

    _target_id = "o1"

    @property
    def _gateway_client(self) -> _Answer:
        return self

    def send_command(self, _command: str) -> str:
        return "ysjava.io.IOException: No space left on device\\n\\tat java.base/java.io.FileOutputStream"


RUNNING: Any = SimpleNamespace(
    id="1", isActive=True, status={"isTriggerActive": False}, lastProgress=None, stop=lambda: None
)


def java_error() -> Py4JJavaError:
    return Py4JJavaError("An error occurred while calling o44.create.\n", _Answer())


def starts(*outcomes: Any) -> Callable[[], Any]:
    """What starts a goal: each try raises, or returns the query, in turn."""
    left: Iterator[Any] = iter(outcomes)

    def start() -> Any:
        outcome = next(left)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return start


def nothing(_query: Any) -> tuple[int, ...]:
    """No batch is under way."""
    return ()


@pytest.mark.parametrize(
    ("error", "said", "of_checkpoint"),
    [
        (java_error(), "java.io.IOException: No space left on device", True),
        (
            CheckpointError("java.net.ConnectException: s3 is away\n\tat x"),
            "java.net.ConnectException: s3 is away",
            True,
        ),
        (PySparkException("the broker is away"), "the broker is away", False),
    ],
)
def test_a_goal_that_fails_starts_again_and_the_others_run_on(
    error: Exception, said: str, of_checkpoint: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("logpipeline_spark.host._LOOK_EVERY", 0.01)
    monkeypatch.setattr("logpipeline_spark.host.backoff", lambda _: 0.0)
    board, stop = Board("web", {"bad": Goal(), "good": Goal()}), threading.Event()
    seen: list[tuple[Any, ...]] = []
    for name in ("bad", "good"):
        board.note(name, rule={}, checkpoint=f"/checkpoint/{name}", state_version=1)
    start = starts(error, RUNNING)

    def bad() -> Any:
        query = start()
        progress = {goal.goal: goal for goal in board.progress()}
        seen.append((progress["bad"].error, progress["bad"].checkpoint_failed, progress["bad"].restarts))
        stop.set()
        return query

    Host({"bad": bad, "good": starts(RUNNING)}, board, nothing).run(stop)
    assert seen == [(said, of_checkpoint, 1)]


def test_without_a_jvm_nothing_runs() -> None:
    board = Board("web", {"rate": Goal()})
    with pytest.raises(LogPipelineError, match="the JVM has ended"):
        Host({"rate": starts(Py4JError("An error occurred while calling o1.x"))}, board, nothing).run(threading.Event())


class Stop:
    """A stop signal that comes after some rounds, in each of which 30 s pass."""

    def __init__(self, rounds: int) -> None:
        self.seconds, self.left = 0.0, rounds

    def is_set(self) -> bool:
        self.left -= 1
        return self.left < 0

    def wait(self, _seconds: float) -> bool:
        self.seconds += 30
        return False


@pytest.mark.parametrize(
    ("work", "stalled"),
    [
        (lambda seconds: (0, 0, seconds), []),  # records are read
        (lambda seconds: (0, seconds // 100, 7), []),  # a task ends every 100 s
        (lambda _: (0, 3, 7), ["goal rate has made no progress for 570 s"]),
        (lambda _: (), ["goal rate has made no progress for 600 s"]),
    ],
)
def test_a_first_batch_may_take_as_long_as_it_advances(
    work: Callable[[int], tuple[int, ...]], stalled: list[str]
) -> None:
    stop: Any = Stop(20)
    board = Board("web", {"rate": Goal()}, clock=lambda: stop.seconds)

    def start() -> Any:
        board.onQueryStarted(SimpleNamespace(id="1", name="rate"))  # type: ignore[arg-type]
        return RUNNING

    host = Host({"rate": start}, board, lambda _: work(int(stop.seconds)))
    found: list[str] = []
    host._board.host_ended = lambda: found.extend(board.stalled(120.0))  # type: ignore[method-assign]
    host.run(stop)
    assert found == stalled


CALLBACK = """An exception was raised by the Python Proxy. Return Message: Traceback (most recent call last):
  File "lake_writer.py", line 97, in write
py4j.protocol.Py4JJavaError: An error occurred while calling o274.save.
: org.apache.spark.SparkException: [TASK_WRITE_FAILED] Task failed while writing rows to file:/lake/raw.
\tat org.apache.spark.scheduler.Task.run(Task.scala:147)
"""


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ("the first line\n\tat of.a.stack", "the first line"),
        (CALLBACK, "org.apache.spark.SparkException: [TASK_WRITE_FAILED] Task failed while writing rows to file:/lake/raw."),
        (f"{CALLBACK}Caused by: java.io.IOException: No space left on device\n", "java.io.IOException: No space left on device"),
    ],
)  # fmt: skip
def test_what_failed_is_said_in_a_line(error: str, said: str) -> None:
    assert cause(error) == said
