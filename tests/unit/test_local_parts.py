"""The order in which a run comes up."""

from __future__ import annotations

from pathlib import Path

import pytest

from logpipeline.local.parts import Part, StartError, Startup
from logpipeline.local.start_logs import StartLogs


class World:
    """Parts that are ready when they are told to be, and a record of who was begun."""

    def __init__(self) -> None:
        self.ready: set[str] = set()
        self.begun: list[str] = []

    def part(self, name: str, *needs: str, process: str | None = None, limit: float | None = None) -> Part:
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


def nothing(_: str) -> int:
    return 0


def test_a_part_begins_when_all_it_needs_is_ready() -> None:
    world = World()
    startup = Startup(
        parts=[world.part("kafka"), world.part("search"), world.part("connector", "kafka", "search")], patience=60
    )
    startup.advance(0, no_exits, nothing)
    world.ready = {"kafka"}
    startup.advance(1, no_exits, nothing)
    assert world.begun == ["kafka", "search"]
    world.ready |= {"search", "connector"}
    startup.advance(2, no_exits, nothing)
    assert world.begun == ["kafka", "search", "connector"]
    assert startup.waiting == []
    assert startup.timeline == [("kafka", 1), ("search", 2), ("connector", 2)]


def test_what_comes_later_begins_last_and_nobody_waits_for_it() -> None:
    world = World()
    lake = world.part("lake")
    lake.later = True
    startup = Startup(parts=[lake, world.part("kafka")], patience=60)
    startup.advance(0, no_exits, nothing)
    assert world.begun == ["kafka"]
    world.ready = {"kafka"}
    startup.advance(1, no_exits, nothing)
    assert startup.waiting == []
    startup.begin_later(2)
    assert world.begun == ["kafka", "lake"]
    assert lake.begun_at == 2


def test_a_chain_that_is_ready_at_once_needs_no_second_look() -> None:
    world = World()
    world.ready = {"kafka", "topics", "goals"}
    startup = Startup(
        parts=[world.part("kafka"), world.part("topics", "kafka"), world.part("goals", "topics")], patience=60
    )
    startup.advance(0, no_exits, nothing)
    assert startup.waiting == []


def test_what_has_begun_is_not_begun_again() -> None:
    world = World()
    startup = Startup(parts=[world.part("kafka")], patience=60)
    for now in range(3):
        startup.advance(now, no_exits, nothing)
    assert world.begun == ["kafka"]


def test_a_service_outside_is_tried_for_its_limit() -> None:
    startup = Startup(parts=[World().part("kafka", limit=10)], patience=60)
    startup.advance(0, no_exits, nothing)
    startup.advance(10, no_exits, nothing)
    with pytest.raises(StartError, match=r"tried for 10 s \(not yet\)"):
        startup.advance(10.1, no_exits, nothing)


def test_a_start_that_does_not_get_on_fails_with_what_the_first_part_lacks() -> None:
    world = World()
    startup = Startup(parts=[world.part("kafka"), world.part("goals")], patience=60)
    world.ready = {"kafka"}
    startup.advance(0, no_exits, nothing)
    startup.advance(60, no_exits, nothing)
    with pytest.raises(StartError, match="no part has made progress for 60 s: not yet") as raised:
        startup.advance(60.1, no_exits, nothing)
    assert raised.value.part.name == "goals"


def test_a_slow_start_goes_on_as_long_as_any_part_gets_on() -> None:
    # One logs something new, then another lacks something else, then a third becomes ready.
    world = World()
    lacking = iter(["no answer after 1 ms", "no answer after 2 ms", "batch 0 runs"])
    goals = Part("goals", check=lambda: next(lacking, "batch 0 runs"))
    startup = Startup(parts=[world.part("kafka", process="kafka"), goals, world.part("console")], patience=60)
    for now, logged in ((0, 1), (50, 2), (100, 2), (150, 2)):
        world.ready = {"console"} if now >= 150 else set()
        startup.advance(now, no_exits, {"kafka": logged}.__getitem__)
    assert [part.name for part in startup.waiting] == ["kafka", "goals"]
    startup.advance(210, no_exits, {"kafka": 2}.__getitem__)
    with pytest.raises(StartError):
        startup.advance(211, no_exits, {"kafka": 2}.__getitem__)


def test_only_what_a_process_has_not_written_before_is_progress(tmp_path: Path) -> None:
    log = tmp_path / "kafka.log"
    log.write_bytes(b"of an earlier run\n")
    logs = StartLogs(lambda name: tmp_path / f"{name}.log")
    assert (logs.progress("kafka"), logs.progress("connect")) == (0, 0)
    expected = []
    for text in (
        b"12:00:00 loading modules\n",
        b"12:00:01 loading plugins\n",
        b"12:00:02 connection to node-1 failed after 3ms\n" * 2,
        b"12:00:09 connection to node-2 failed after 4ms\n",
    ):
        with log.open("ab") as file:
            file.write(text)
        expected.append(logs.progress("kafka"))
    assert expected == [1, 2, 3, 3]
    log.write_bytes(b"rotated\n")
    assert logs.progress("kafka") == 4


@pytest.mark.parametrize(("exits", "fails"), [(0, False), (2, False), (3, True)])
def test_a_process_that_does_not_stay_fails_early(exits: int, fails: bool) -> None:
    startup = Startup(parts=[World().part("kafka", process="kafka")], patience=60)
    if fails:
        with pytest.raises(StartError, match="it ended 3 times before it was ready"):
            startup.advance(0, lambda _: exits, nothing)
    else:
        startup.advance(0, lambda _: exits, nothing)


def test_a_part_that_came_up_after_restarts_is_ready() -> None:
    world = World()
    world.ready = {"kafka"}
    startup = Startup(parts=[world.part("kafka", process="kafka")], patience=60)
    startup.advance(0, lambda _: 5, nothing)
    assert startup.waiting == []
