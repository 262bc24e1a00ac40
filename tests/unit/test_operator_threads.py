"""A thread that fails takes the process along; a stop waits for those that work."""

from __future__ import annotations

import subprocess
import sys
import threading

from logpipeline_operator.cluster.cache import Cache
from logpipeline_operator.cluster.kinds import PipelineKey
from logpipeline_operator.controller import Controller
from logpipeline_operator.pipelines import Pipelines
from logpipeline_operator.threads import running_after

FAILING = """
import threading
from logpipeline_operator import logs, threads
logs.set_up("info", "json")
threads.exit_on_failure()
threads.start("reconcile-0", lambda: [][0])
threading.Event().wait(60)
"""


def test_a_thread_that_fails_ends_the_process() -> None:
    done = subprocess.run([sys.executable, "-c", FAILING], capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 1
    assert "the thread reconcile-0 has failed" in done.stderr
    assert "IndexError" in done.stderr


def test_what_still_works_is_known_when_the_operator_stops() -> None:
    working, finish = threading.Event(), threading.Event()

    def reconcile(_: PipelineKey) -> None:
        working.set()
        finish.wait()

    controller = Controller((), Pipelines(), Cache(), None)
    threads = controller.start(2, reconcile)
    controller.queue.add(PipelineKey("web", "nginx"))
    assert working.wait(10)
    controller.close()
    (name,) = running_after(threads, 0.5)
    assert name.startswith("reconcile-")
    finish.set()
    assert running_after(threads, 10) == []
