"""One run of `up`: bring everything up, watch it, drain it, end it."""

from __future__ import annotations

import signal
import time
from collections import deque
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

from logpipeline.api import LogPipeline
from logpipeline.backoff import Backoff
from logpipeline.errors import LogPipelineError
from logpipeline.local.facts import Facts, Phase
from logpipeline.local.flow import flow_faults, goal_faults, lake_faults, sink_faults
from logpipeline.local.observer import Observer
from logpipeline.local.parts import StartError, Startup
from logpipeline.local.start_logs import StartLogs
from logpipeline.local.state import StateFolder
from logpipeline.local.summary import Summary
from logpipeline.local.supervision import Supervisor
from logpipeline.local.wiring import Clients

_START_TICK, _TICK = 0.2, 1.0
_DRAIN_SECONDS = 60.0
_RETENTION_SECONDS = 3600.0
_LOG_LINES = 15


class Screen(Protocol):
    """Where a run is shown."""

    def update(self, facts: Facts) -> None:
        """Show `facts`."""

    def say(self, text: str) -> None:
        """Show what is being done."""


class Interrupts:
    """Ctrl-C, SIGTERM and a closed terminal: once to end in order, twice to end at once."""

    def __init__(self) -> None:
        self.count = 0
        self.last = 0

    def install(self) -> None:
        """Take the signals over."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._note)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self.count += 1
        self.last = number

    def once(self) -> bool:
        """Tell whether the run is to end."""
        return self.count > 0

    def twice(self) -> bool:
        """Tell whether it is to end at once."""
        return self.count > 1


class Session:
    """One run. Its methods are called in their order; `facts` is the last thing that was known."""

    def __init__(
        self,
        pipeline: LogPipeline,
        state: StateFolder,
        clients: Clients,
        supervisor: Supervisor,
        startup: Startup,
        observer: Observer,
        interrupts: Interrupts,
        fixed_status: dict[str, Any],
    ) -> None:
        """`fixed_status` is the part of status.json that stays as it is: addresses and the like."""
        self._pipeline = pipeline
        self._names = [goal.name for goal in pipeline.spec.goals]
        self._state = state
        self._clients = clients
        self._supervisor = supervisor
        self._startup = startup
        self._observer = observer
        self._interrupts = interrupts
        self._fixed_status = {**fixed_status, "started": datetime.now(UTC).isoformat()}
        self._revivals: dict[str, Backoff] = {}
        self._retention_at = time.monotonic()
        self.screen: Screen | None = None
        self.facts: Facts | None = None
        self.ready_after: float | None = None

    def come_up(self) -> bool:
        """Bring every part up; False when the user ended it before. Raises LogPipelineError, or StartError."""
        looked, logs = 0.0, StartLogs(self._state.log)
        while self._startup.waiting and not self._interrupts.once():
            began = time.monotonic()
            self._refresh()
            self._startup.advance(began, self._observer.exits, logs.progress)
            # Looking at everything costs a tenth of a core that the components now need themselves.
            if began - looked >= _TICK or not self._startup.waiting:
                looked = began
                self._observer.check_all()
                self._observe("starting")
            self._pause(began, _START_TICK)
        if self._interrupts.once():
            return False
        self._startup.begin_later(time.monotonic())
        self.ready_after = self._observer.elapsed
        return True

    def run(self, seconds: float | None) -> None:
        """Watch for `seconds`, or until the user ends it."""
        deadline = None if seconds is None else time.monotonic() + seconds
        while not self._interrupts.once() and (deadline is None or time.monotonic() < deadline):
            self._tick("running")

    def drain(self) -> None:
        """Stop the generator and wait until what it produced has gone through every part, a minute at most."""
        self._say("draining: the generator stops, the rest catches up")
        if self._clients.generator is not None:
            self._supervisor.stop("generator")
        # A lag of none may be from before the last records: it has to last for a batch and more.
        still = self._pipeline.spec.spark.trigger.total_seconds() + 3
        deadline = time.monotonic() + _DRAIN_SECONDS + still
        since: float | None = None
        last_produced = -1
        while time.monotonic() < deadline and not self._interrupts.once():
            self._tick("draining")
            facts, now = self.facts, time.monotonic()
            if facts is None or facts.totals is None:
                since = None
                continue
            grew, last_produced = facts.totals.produced != last_produced, facts.totals.produced
            if (
                grew
                or sink_faults(facts)
                or lake_faults(facts)
                or goal_faults(facts, self._names, self._produced_in_run() or 0)
            ):
                since = None
                continue
            since = since or now
            if now - since >= still:
                return

    def faults(self) -> list[str]:
        """Return why the run did not flow, judged after draining; nothing when it did."""
        if self.facts is None:
            return ["up: nothing was ever known"]
        stopped = frozenset({"generator"} if self._clients.generator is not None else ())
        return flow_faults(self.facts, self._names, self._produced_in_run() or 0, stopped)

    def summary(self) -> Summary | None:
        """Return what the run came to, None when it ended before anything was known."""
        if self.facts is None:
            return None
        observer = self._observer
        return Summary(
            self.facts, self.ready_after, observer.first_result, observer.peak_memory, self._produced_in_run()
        )

    def end(self) -> None:
        """End every component in order, at once when the user asks twice."""
        self._write_status("stopping")
        last: list[str] = []

        def said(names: list[str]) -> None:
            nonlocal last
            if names != last:
                last = names
                self._say(f"stopping {', '.join(names)}")

        self._supervisor.stop_all(said, self._interrupts.twice)
        self._observer.close()
        self._write_status("stopped")

    def _produced_in_run(self) -> int | None:
        before = self._observer.produced_before
        if before is None or self.facts is None or self.facts.totals is None:
            return None
        return self.facts.totals.produced - before

    def _tick(self, phase: Phase) -> None:
        began = time.monotonic()
        self._refresh()
        self._revive()
        self._observer.check_all()
        self._remove_expired(began)
        self._observe(phase)
        self._pause(began, _TICK)

    def _refresh(self) -> None:
        try:
            self._observer.refresh()
        except OSError as error:
            log = self._state / "logs" / "supervisord.log"
            raise LogPipelineError(f"the supervisor is gone and every component with it; its log is {log}") from error

    def _revive(self) -> None:
        """Start again what supervisord has given up: a component may come back when what it lacked does."""
        for name in self._observer.failed():
            if self._revivals.setdefault(name, Backoff(first=10.0)).due(time.monotonic()):
                self._supervisor.start(name)

    def _remove_expired(self, now: float) -> None:
        if self._clients.index is not None and now >= self._retention_at:
            self._retention_at = now + _RETENTION_SECONDS
            try:
                for name in self._clients.index.remove_expired():
                    self._say(f"index {name} is past its retention and removed")
            except LogPipelineError as error:  # the next hour may be better; nothing else depends on it
                self._say(error.message)

    def _observe(self, phase: Phase) -> None:
        self.facts = self._observer.facts(phase)
        if self.screen is not None:
            self.screen.update(self.facts)
        self._write_status(phase)

    def _write_status(self, phase: Phase) -> None:
        moving = {**(self.facts.document() if self.facts else {}), "phase": phase}
        timeline = {name: round(at - self._observer.began, 1) for name, at in self._startup.timeline}
        self._state.write_json("status.json", {**self._fixed_status, **moving, "ready_after_seconds": timeline})

    def _say(self, text: str) -> None:
        if self.screen is not None:
            self.screen.say(text)

    def _pause(self, began: float, tick: float) -> None:
        # In slices, for a signal does not end a sleep.
        while not self._interrupts.once() and (left := began + tick - time.monotonic()) > 0:
            time.sleep(min(left, 0.1))


def explain(failure: StartError, state: StateFolder) -> str:
    """Return the message for a part that did not come up: for a component of ours its log's path and last lines."""
    part = failure.part
    if part.outside is not None:
        return f"{part.outside}: {part.name} at {part.address} cannot be reached: {failure.reason}"
    if part.process is None:
        return f"{part.name}: {failure.reason}"
    log = state.log(part.process)
    lines = "".join(f"\n  {line}" for line in last_lines(log)) or " (empty)"
    return f"{part.name}: {failure.reason}; the end of its log {log}:{lines}"


def last_lines(path: Path, count: int = _LOG_LINES) -> list[str]:
    """Return the last lines of the text file `path`, none when there is no such file."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return [line.rstrip() for line in deque(file, maxlen=count)]
    except OSError:
        return []
