"""A thread or a task that fails takes its process with it, so that whoever supervises the process sees it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from logpipeline.threads import FAILED

# A process that nothing ends waits for a signal for ever; the limit is the test's alone.
_SECONDS = 60
_THREAD = """
import signal
from logpipeline import threads
threads.start("reader", lambda: {}["topic"])
signal.pause()
"""
_FEED = """
import asyncio
from logpipeline_console.app import application
from logpipeline_console.board import Board
from logpipeline_console.evidence import Evidence

async def main():
    app = application(Board(), {}, {"reader": lambda: {}["topic"]}, Evidence(None, "", []), token=None)
    async with app.router.lifespan_context(app):
        await asyncio.Event().wait()

asyncio.run(main())
"""
_WELL = """
import asyncio
from logpipeline import threads

async def main():
    task = asyncio.create_task(asyncio.sleep(3600))
    threads.watch(task)
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])

threads.start("short", lambda: None).join()
asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("script", "name"), [(_THREAD, "reader"), (_FEED, "feed")], ids=["a thread", "the console's feed"]
)
def test_a_failure_ends_the_process_and_is_logged(script: str, name: str) -> None:
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=_SECONDS, check=False)
    assert done.returncode == FAILED
    assert f"{name} failed, so the process ends" in done.stderr
    assert "KeyError: 'topic'" in done.stderr


def test_what_has_ended_in_order_ends_nothing_else() -> None:
    done = subprocess.run([sys.executable, "-c", _WELL], capture_output=True, text=True, timeout=_SECONDS, check=False)
    assert (done.returncode, done.stderr) == (0, "")
