"""The work queue: each pipeline once, one worker a pipeline, failures with backoff."""

from __future__ import annotations

from logpipeline_operator.work_queue import WorkQueue, backoff


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_backoff_doubles_up_to_five_minutes() -> None:
    assert [backoff(failures) for failures in (1, 2, 3, 8, 9, 1000)] == [2, 4, 8, 256, 300, 300]


def test_a_key_that_is_asked_for_twice_is_taken_once() -> None:
    queue, clock = _queue()
    queue.add("a")
    queue.add("a")
    assert queue.take() == "a"
    queue.done("a", failed=False)
    clock.now += 1000
    assert queue.depth() == 0


def test_asked_for_during_its_pass_it_comes_again_and_not_before() -> None:
    queue, _ = _queue()
    queue.add("a")
    queue.take()
    queue.add("a")
    queue.add("b")
    assert queue.take() == "b"
    queue.done("a", failed=False)
    assert queue.take() == "a"


def test_the_earliest_time_asked_for_counts() -> None:
    queue, clock = _queue()
    queue.add("a", 100)
    queue.add("a", 10)
    queue.add("a", 50)
    clock.now = 10
    assert queue.take() == "a"
    queue.done("a", failed=False)
    clock.now = 200
    assert queue.depth() == 0


def test_a_failure_waits_but_a_change_does_not() -> None:
    queue, clock = _queue()
    queue.add("a")
    queue.take()
    assert queue.done("a", failed=True) == 2
    assert queue.depth() == 0
    queue.add("a")  # the user has mended it
    assert queue.take() == "a"
    assert queue.done("a", failed=True) == 4
    clock.now = 4
    assert queue.take() == "a"
    queue.done("a", failed=False)
    queue.add("a")
    queue.take()
    assert queue.done("a", failed=True) == 2


def test_a_group_has_its_share_of_the_workers_and_no_more() -> None:
    clock = Clock()
    queue: WorkQueue[str] = WorkQueue(clock, group=lambda key: key[0], share=2)
    for key in ("a1", "a2", "a3", "a4", "b1"):
        queue.add(key)
        clock.now += 1
    # The workers that have the first two are held up.
    assert [queue.take() for _ in range(3)] == ["a1", "a2", "b1"]
    queue.add("b2")
    queue.add("a4")  # waits already
    queue.forget("a3")
    assert queue.take() == "b2"
    assert queue.depth() == 1
    queue.done("a1", failed=False)
    assert queue.take() == "a4"
    for key in ("a2", "a4", "b1", "b2"):
        queue.done(key, failed=False)
    assert queue.depth() == 0
    queue.close()
    assert queue.take() is None


def _queue() -> tuple[WorkQueue[str], Clock]:
    clock = Clock()
    return WorkQueue(clock), clock
