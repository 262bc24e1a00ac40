"""Asks every part of a run how it is and makes facts of the answers."""

from __future__ import annotations

import os
import time
from dataclasses import replace

from logpipeline.api import LogPipeline
from logpipeline.kafka.admin import Offsets
from logpipeline.kafka.dead_letters import DeadLetters
from logpipeline.local.facts import (
    ComponentFacts,
    Facts,
    Phase,
    Restarts,
    Totals,
    component_state,
    totals_of,
)
from logpipeline.local.leftovers import memory_by_tree
from logpipeline.local.parts import Part
from logpipeline.local.results import Results
from logpipeline.local.supervision import ProcessState, Supervisor
from logpipeline.local.wiring import Clients
from logpipeline.rate import Rate
from logpipeline.rules import rule_of

_DEAD_LETTER_SECONDS = 5.0


class Observer:
    """Keeps what can only be known over time: rates, restarts, the newest results, the first detection, peak memory."""

    def __init__(
        self, pipeline: LogPipeline, parts: list[Part], clients: Clients, supervisor: Supervisor, born: float
    ) -> None:
        """`born` is when `up` was called, in seconds since the epoch."""
        self._pipeline = pipeline
        self._parts = parts
        self._clients = clients
        self._supervisor = supervisor
        # The same moment on the clock that never jumps.
        self.began = time.monotonic() - (time.time() - born)
        self._rules = {goal.name: rule_of(goal) for goal in pipeline.spec.goals}
        self._restarts = Restarts()
        self._rates = {name: Rate() for name in ("produced", "generated", "indexed")}
        self._results: Results | None = None
        self._dead_letters: DeadLetters | None = None
        self._processes: dict[str, ProcessState] = {}
        self.peak_memory = 0
        self.first_detection: float | None = None
        self.first_result: float | None = None
        self.produced_before: int | None = None

    @property
    def elapsed(self) -> float:
        """Seconds since `up` was called."""
        return time.monotonic() - self.began

    def refresh(self) -> None:
        """Ask the supervisor; raises OSError when it is gone."""
        self._processes = self._supervisor.states()
        for name, process in self._processes.items():
            self._restarts.see(name, process.since)

    def exits(self, name: str) -> int:
        """Return how often the process `name` has ended by itself."""
        down = self._processes[name].state in ("BACKOFF", "FATAL", "EXITED") if name in self._processes else False
        return self._restarts.of(name) + down

    def failed(self) -> list[str]:
        """Return the processes that the supervisor has given up."""
        return [name for name, process in self._processes.items() if process.state == "FATAL"]

    def check_all(self) -> None:
        """Ask every part that has come up once, or that nobody waits for, how it is now."""
        for part in self._parts:
            if part.once or part.begun_at is None or (part.ready_at is None and not part.later):
                continue
            part.lacking = part.check()
            if part.lacking is None and part.ready_at is None:
                part.ready_at = time.monotonic()

    def facts(self, phase: Phase) -> Facts:
        """Return what is known now."""
        totals = self._totals(phase)
        self._follow_results()
        memory = self._memory()
        total_memory = sum(memory.values())
        self.peak_memory = max(self.peak_memory, total_memory)
        return Facts(
            pipeline=self._pipeline.name,
            phase=phase,
            elapsed=self.elapsed,
            components=[self._component(part, totals, memory) for part in self._parts if not part.once],
            goals=dict(self._clients.goals.progress),
            tables=dict(self._clients.lake.progress) if self._clients.lake else {},
            newest={name: list(ring) for name, ring in self._results.newest.items()} if self._results else {},
            totals=totals,
            memory_bytes=total_memory,
            first_detection=self.first_detection,
        )

    def _totals(self, phase: Phase) -> Totals | None:
        offsets = self._clients.broker.offsets()
        if offsets is None:
            return None
        if self.produced_before is None:
            self.produced_before = offsets["raw"].total
            rules = {self._clients.broker.topics[f"goal {name}"]: rule for name, rule in self._rules.items()}
            begin = {self._clients.broker.topics[use]: topic for use, topic in offsets.items()}
            self._results = Results(self._clients.broker.client_config, rules, begin)
        index_part = next((part for part in self._parts if part.name == "index"), None)
        ready = index_part is not None and index_part.ready_at is not None
        totals = totals_of(offsets, self._clients.index.count() if ready and self._clients.index else None)
        if phase == "draining" and totals.dead_letters:
            totals = replace(totals, refused=self._refused(offsets["sink-dead-letters"]))
        return totals

    def _refused(self, offsets: Offsets) -> int | None:
        if self._dead_letters is None:
            broker = self._clients.broker
            self._dead_letters = DeadLetters(broker.client_config, broker.topics["sink-dead-letters"], offsets)
        return self._dead_letters.count(offsets, _DEAD_LETTER_SECONDS)

    def _follow_results(self) -> None:
        if self._results is None:
            return
        fresh = self._results.poll()
        if fresh and self.first_result is None:
            self.first_result = self.elapsed
        if self.first_detection is None and any(self._rules[name].detects for name in fresh):
            self.first_detection = self.elapsed

    def _memory(self) -> dict[str, int]:
        roots = {name: process.pid for name, process in self._processes.items() if process.pid is not None}
        memory = memory_by_tree(roots)
        # supervisord and we are a small part of the whole and belong to it all the same.
        own = memory_by_tree({"up": os.getpid()})["up"]
        memory["up"] = max(0, own - sum(memory.values()))
        return memory

    def _component(self, part: Part, totals: Totals | None, memory: dict[str, int]) -> ComponentFacts:
        process = self._processes.get(part.process) if part.process else None
        connector = self._clients.connector if part.name == "connector" else None
        state = component_state(
            begun=part.begun_at is not None,
            was_ready=part.ready_at is not None,
            lacking=part.lacking,
            process=process.state if process else None,
            uptime=time.time() - process.since if process else None,
        )
        rate, lag = self._flow(part.name, totals)
        return ComponentFacts(
            name=part.name,
            state=state,
            lacking=part.lacking if state not in ("waiting", "stopped") else None,
            address=part.address,
            pid=process.pid if process else None,
            memory_bytes=memory.get(part.process or ""),
            restarts=self._restarts.of(part.process or "") + (connector.restarts if connector else 0),
            rate=rate,
            lag=lag,
        )

    def _flow(self, name: str, totals: Totals | None) -> tuple[float | None, int | None]:
        now = time.monotonic()
        if name == "generator" and self._clients.generator is not None:
            return self._rates["generated"].add(now, self._clients.generator.records), None
        if totals is None:
            return None, None
        if name == "kafka":
            return self._rates["produced"].add(now, totals.produced), None
        if name == "lake" and self._clients.lake is not None and (raw := self._clients.lake.progress.get("raw")):
            return raw.input_records_per_second, raw.behind(totals.produced)
        if name == "connector" and totals.indexed is not None:
            behind = totals.produced - totals.indexed - (totals.dead_letters or 0)
            return self._rates["indexed"].add(now, totals.indexed), max(0, behind)
        return None, None

    def close(self) -> None:
        """Stop following the topics."""
        if self._results is not None:
            self._results.close()
        if self._dead_letters is not None:
            self._dead_letters.close()
