"""What the operator knows of the cluster when events, lists and answers of its own writes overtake each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from logpipeline_operator.cluster.cache import Cache
from logpipeline_operator.cluster.deletions import REMEMBERED_SECONDS, Deletions
from logpipeline_operator.cluster.kinds import CHILDREN, MANAGED_BY, PipelineKey
from logpipeline_operator.controller import Controller
from logpipeline_operator.pipelines import Pipelines
from logpipeline_operator.resync import Resync

CONFIG_MAP = next(kind for kind in CHILDREN if kind.name == "ConfigMap")
KEY = PipelineKey("web", "nginx")


def config_map(version: int, name: str = "nginx-connect") -> dict[str, Any]:
    labels = {"app.kubernetes.io/managed-by": MANAGED_BY, "app.kubernetes.io/instance": KEY.name}
    metadata = {"namespace": KEY.namespace, "name": name, "labels": labels, "resourceVersion": str(version)}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}


def known(cache: Cache) -> dict[str, int]:
    return {key.name: int(child["metadata"]["resourceVersion"]) for key, child in cache.children(KEY).items()}


# What reaches the cache, in this order; then the version of the ConfigMap that it knows, None for none.
HISTORIES: dict[str, tuple[list[Callable[[Cache], Any]], int | None]] = {
    "news": ([lambda cache: cache.put(config_map(1)), lambda cache: cache.put(config_map(2))], 2),
    "old news": ([lambda cache: cache.put(config_map(2)), lambda cache: cache.put(config_map(1))], 2),
    "deleted": ([lambda cache: cache.put(config_map(1)), lambda cache: cache.drop(config_map(2))], None),
    "made again before its deletion is told": (
        [lambda cache: cache.put(config_map(3)), lambda cache: cache.drop(config_map(2))],
        3,
    ),
    "made again": ([lambda cache: cache.drop(config_map(2)), lambda cache: cache.put(config_map(3))], 3),
    "the answer of a write comes after the deletion": (
        [
            lambda cache: cache.put(config_map(1)),
            lambda cache: cache.drop(config_map(3)),
            lambda cache: cache.put(config_map(2)),
        ],
        None,
    ),
    "a list comes after the deletion": (
        [
            lambda cache: cache.put(config_map(1)),
            lambda cache: cache.drop(config_map(3)),
            lambda cache: cache.replace(CONFIG_MAP, [config_map(1)], "2", None),
        ],
        None,
    ),
    "a list without it": (
        [lambda cache: cache.put(config_map(1)), lambda cache: cache.replace(CONFIG_MAP, [], "2", None)],
        None,
    ),
    "a list from before it was made": (
        [lambda cache: cache.put(config_map(3)), lambda cache: cache.replace(CONFIG_MAP, [], "2", None)],
        3,
    ),
    "a list of another namespace": (
        [lambda cache: cache.put(config_map(1)), lambda cache: cache.replace(CONFIG_MAP, [], "2", "other")],
        1,
    ),
}


@pytest.mark.parametrize("history", HISTORIES)
def test_the_cache_knows_what_is_there(history: str) -> None:
    steps, version = HISTORIES[history]
    cache = Cache()
    for step in steps:
        step(cache)
    assert known(cache) == ({} if version is None else {"nginx-connect": version})


def test_a_deletion_is_remembered_as_long_as_an_answer_may_be_on_its_way() -> None:
    now = 0.0
    deletions: Deletions[str] = Deletions(lambda: now)
    deletions.note("a", 5)
    now = REMEMBERED_SECONDS
    deletions.note("b", 7)
    assert deletions.covers("a", 5)
    assert not deletions.covers("a", 6)
    now += 1
    deletions.note("c", 9)
    assert not deletions.covers("a", 5)
    assert deletions.covers("b", 7)


class Lists:
    """An API server's full lists; a real one does not lose an event on demand."""

    def __init__(self, pipelines: list[dict[str, Any]], children: list[dict[str, Any]], version: int) -> None:
        self.answers = {"LogPipeline": pipelines, "ConfigMap": children}
        self.version = str(version)

    def list(self, kind: Any, *_: Any) -> tuple[list[dict[str, Any]], str]:
        return self.answers.get(kind.name, []), self.version


def pipeline(version: int) -> dict[str, Any]:
    return {"metadata": {"namespace": KEY.namespace, "name": KEY.name, "uid": "u", "resourceVersion": str(version)}}


def test_full_lists_find_what_no_event_has_told() -> None:
    cache, pipelines = Cache(), Pipelines()
    pipelines.put(pipeline(1))
    for name in ("nginx-connect", "nginx-kafka"):
        cache.put(config_map(1, name))
    lists = Lists([pipeline(1)], [config_map(1, "nginx-kafka")], 5)
    controller = Controller((), pipelines, cache, None)
    resync = Resync(lists, controller, pipelines, cache, 300)  # type: ignore[arg-type]
    resync.begin()
    assert known(cache) == {"nginx-kafka": 1}
    assert controller.queue.take() == KEY

    gone = []
    controller.on_gone(gone.append)
    lists.answers = {}
    resync.begin()
    assert gone == [KEY]
    assert pipelines.all() == []
    # The list that was on its way when it went.
    assert not pipelines.put(pipeline(4))
    assert pipelines.put(pipeline(6))
