"""A pipeline is observed for as long as it exists."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from logpipeline_operator.cluster.kinds import PipelineKey
from logpipeline_operator.observations import Observations
from logpipeline_operator.observe.facts import Facts

KEY = PipelineKey("web", "nginx")
FACTS = Facts(observed_at=datetime(2026, 3, 1, tzinfo=UTC), looked=True)
SECONDS = 1000.0
Look = Callable[[], tuple[Facts, float] | None]


def valid() -> tuple[Facts, float]:
    """The next look would be due long after this test."""
    return FACTS, SECONDS


class World:
    """An operator with one worker, which makes the given looks one after the other."""

    def __init__(self) -> None:
        self.looks: queue.Queue[Look] = queue.Queue()
        self.news: queue.Queue[PipelineKey] = queue.Queue()
        self.observations = Observations(lambda _: self.looks.get(timeout=10)(), self.news.put, share=1)
        self.observations.start(1)

    def passes(self, generation: int, uid: str = "u-1") -> None:
        """A pass over a valid resource."""
        self.observations.follow(KEY, (uid, generation))

    def deleted(self) -> None:
        self.observations.forget(KEY)


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    yield world
    world.observations.close()


def test_a_resource_that_was_invalid_for_a_moment_is_observed_again(world: World) -> None:
    for look in (lambda: (FACTS, 0.0), lambda: None, valid):
        world.looks.put(look)
    world.passes(1)
    assert world.news.get(timeout=10) == KEY
    world.passes(2)  # it is invalid in between, of which no pass tells
    assert world.news.get(timeout=10) == KEY


# What happens during a look at an invalid resource, or at none.
MEANWHILE: dict[str, Callable[[World], None]] = {
    "corrected": lambda world: world.passes(2),
    "deleted and created again": lambda world: (world.deleted(), world.passes(1, "u-2"))[0],
}


@pytest.mark.parametrize("name", MEANWHILE)
def test_what_comes_during_a_look_is_looked_at(world: World, name: str) -> None:
    world.looks.put(lambda: MEANWHILE[name](world))
    world.looks.put(valid)
    world.passes(1)
    assert world.news.get(timeout=10) == KEY
    assert world.observations.latest(KEY) == FACTS


def test_one_that_stands_still_is_observed_at_once_when_it_is_resumed(world: World) -> None:
    for generation in (1, 2):
        world.looks.put(valid)
        world.passes(generation)
        assert world.news.get(timeout=10) == KEY
