"""Asks every part of every pipeline how it is, in bounded time, and remembers what can only be known over time."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from logpipeline.api import LogPipeline
from logpipeline_operator.cluster.kinds import PipelineKey
from logpipeline_operator.observe.credentials import SecretValues
from logpipeline_operator.observe.endpoints import Endpoints
from logpipeline_operator.observe.facts import (
    Facts,
    FlowFacts,
    GoalFacts,
    IndexFacts,
    KafkaFacts,
    LakeFacts,
    TopicsFacts,
)
from logpipeline_operator.observe.peers import Peer, ask_all
from logpipeline_operator.observe.pool import FairPool
from logpipeline_operator.observe.questions import CONNECTOR, INDEX, KAFKA, KIBANA, LAKE, Look, Memories, goal_peer
from logpipeline_operator.observe.reports import report_facts
from logpipeline_operator.observe.trends import Trends
from logpipeline_operator.observe.workloads import all_workload_facts

_LIMIT_SECONDS = 5.0
# A question waits for its peer, and one pipeline of many goals puts a dozen. A namespace has half of the threads.
_THREADS = 64


@dataclass
class _Pipeline:
    """What is remembered of one pipeline."""

    memories: Memories = field(default_factory=Memories)
    peers: dict[str, Peer] = field(default_factory=dict)
    trends: Trends = field(default_factory=Trends)


class Observer:
    """One for the operator; safe to use from several threads, a pipeline in one thread at a time."""

    def __init__(self, threads: int = _THREADS, clock: Callable[[], float] = time.monotonic) -> None:
        self._pool = FairPool(threads, threads // 2)
        self._clock = clock
        self._lock = threading.Lock()
        self._pipelines: dict[PipelineKey, _Pipeline] = {}

    def observe(
        self,
        pipeline: LogPipeline,
        endpoints: Endpoints,
        secrets: SecretValues,
        children: Iterable[Mapping[str, Any]],
    ) -> Facts:
        """Return what is known now, after five seconds at the latest.

        What stands outside the cluster's API is put right on the way: topics, the connector and its failed tasks, index
        and template, the data view. `secrets` holds the values of the Secrets that the resource names, by their name;
        one that is not there is left out. `children` are the live objects.
        """
        key = PipelineKey(pipeline.metadata.namespace, pipeline.name)
        with self._lock:
            known = self._pipelines.setdefault(key, _Pipeline())
        now = self._clock()
        children = list(children)
        workloads = all_workload_facts(children)
        look = Look(pipeline, endpoints, secrets, workloads, known.memories, now)
        submit = functools.partial(self._pool.submit, key.namespace)
        answers, fresh = ask_all(submit, look.questions(), known.peers, now, _LIMIT_SECONDS)
        kafka, topics = answers.get(KAFKA, (KafkaFacts(), TopicsFacts()))
        if KAFKA in fresh:
            known.trends.add(now, kafka)
        goals = {goal.name: GoalFacts(goal.name) for goal in pipeline.spec.goals}
        goals |= {name: answers[goal_peer(name)] for name in goals if goal_peer(name) in answers}
        return Facts(
            observed_at=datetime.now(UTC),
            looked=True,
            workloads=workloads,
            kafka=kafka,
            topics=topics,
            goals={name: _with_trends(goal, kafka, known.trends, now) for name, goal in goals.items()},
            lake=_lake(pipeline, answers.get(LAKE), kafka, known.trends, now),
            reports=report_facts(children),
            connector=answers.get(CONNECTOR),
            removed_connectors=known.memories.connector.take_removed(),
            index=_index(answers),
            flow=_flow(known.trends, now),
        )

    def forget(self, key: PipelineKey) -> None:
        """Drop what is remembered of a pipeline that is gone."""
        with self._lock:
            self._pipelines.pop(key, None)

    def close(self) -> None:
        """Stop asking."""
        self._pool.shutdown()


def _with_trends(goal: GoalFacts, kafka: KafkaFacts, trends: Trends, now: float) -> GoalFacts:
    progress = goal.progress
    if progress is None:
        trends.rest(now, goal.name)
        return goal
    lag = progress.lag_records if kafka.records is None else progress.behind(kafka.records)
    trends.add_goal(now, goal.name, offset=progress.offset_total, lag=lag)
    if progress.state != "running":
        trends.rest(now, goal.name)
    return replace(
        goal,
        lag=lag,
        catches_up=trends.goal_catches_up(goal.name),
        still_seconds=trends.goal_still(goal.name, now),
        rate=trends.goal_rate(goal.name),
    )


def _lake(
    pipeline: LogPipeline, answer: LakeFacts | None, kafka: KafkaFacts, trends: Trends, now: float
) -> LakeFacts | None:
    """Return what is known of the lake, None for a pipeline without one."""
    if pipeline.spec.lake is None:
        return None
    raw = answer.tables.get("raw") if answer else None
    if answer is None or raw is None:
        return answer or LakeFacts()
    lag = raw.lag_records if kafka.records is None else raw.behind(kafka.records)
    trends.lake_lag.add(now, lag)
    return replace(answer, lag=lag, catches_up=trends.lake_catches_up())


def _index(answers: Mapping[str, Any]) -> IndexFacts | None:
    index: IndexFacts | None = answers.get(INDEX)
    kibana = answers.get(KIBANA)
    return replace(index, kibana_fault=kibana.fault) if index and kibana else index


def _flow(trends: Trends, now: float) -> FlowFacts:
    return FlowFacts(
        rate=trends.records.rate,
        idle_seconds=trends.records.still(now),
        invalid_share=trends.share("invalid"),
        dead_letter_share=trends.share("dead letters"),
        sink_catches_up=trends.sink_catches_up(),
    )
