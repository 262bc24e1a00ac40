"""The order in which a run comes up."""

from __future__ import annotations

import pytest

from logpipeline.local.parts import Part, StartError, Startup


class World:
    """Parts that are ready when they are told to be, and a record of who was begun."""

    def __init__(self) -> None:
        self.ready: set[str] = set()
        self.begun: list[str] = []

    def part(self, name: str, *needs: str, process: str | None = None, limit: float = 60) -> Part:
        return Part(
            name,
            check=lambda: None if name in self.ready else "not yet",
            begin=lambda: self.begun.append(name),
            needs=needs,
            process=process,
            limit_seconds=limit,
        )


def no_exits(_: str) -> int:
    return 0


def test_a_part_begins_when_all_it_needs_is_ready() -> None:
    world = World()
    startup = Startup([world.part("kafka"), world.part("search"), world.part("connector", "kafka", "search")])
    startup.advance(0, no_exits)
    world.ready = {"kafka"}
    startup.advance(1, no_exits)
    assert world.begun == ["kafka", "search"]
    world.ready |= {"search", "connector"}
    startup.advance(2, no_exits)
    assert world.begun == ["kafka", "search", "connector"]
    assert startup.waiting == []
    assert startup.timeline == [("kafka", 1), ("search", 2), ("connector", 2)]


def test_a_chain_that_is_ready_at_once_needs_no_second_look() -> None:
    world = World()
    world.ready = {"kafka", "topics", "goals"}
    startup = Startup([world.part("kafka"), world.part("topics", "kafka"), world.part("goals", "topics")])
    startup.advance(0, no_exits)
    assert startup.waiting == []


def test_what_has_begun_is_not_begun_again() -> None:
    world = World()
    startup = Startup([world.part("kafka")])
    for now in range(3):
        startup.advance(now, no_exits)
    assert world.begun == ["kafka"]


def test_a_part_that_takes_too_long_fails_with_what_it_lacks() -> None:
    startup = Startup([World().part("kafka", limit=10)])
    startup.advance(0, no_exits)
    startup.advance(10, no_exits)
    with pytest.raises(StartError, match="not ready after 10 s: not yet"):
        startup.advance(10.1, no_exits)


def test_the_time_runs_from_a_parts_own_beginning() -> None:
    world = World()
    startup = Startup([world.part("kafka", limit=100), world.part("goals", "kafka", limit=10)])
    startup.advance(0, no_exits)
    world.ready = {"kafka"}
    startup.advance(90, no_exits)
    startup.advance(99, no_exits)
    assert [part.name for part in startup.waiting] == ["goals"]


@pytest.mark.parametrize(("exits", "fails"), [(0, False), (2, False), (3, True)])
def test_a_process_that_does_not_stay_fails_early(exits: int, fails: bool) -> None:
    startup = Startup([World().part("kafka", process="kafka")])
    if fails:
        with pytest.raises(StartError, match="it ended 3 times before it was ready"):
            startup.advance(0, lambda _: exits)
    else:
        startup.advance(0, lambda _: exits)


def test_a_part_that_came_up_after_restarts_is_ready() -> None:
    world = World()
    world.ready = {"kafka"}
    startup = Startup([world.part("kafka", process="kafka")])
    startup.advance(0, lambda _: 5)
    assert startup.waiting == []
