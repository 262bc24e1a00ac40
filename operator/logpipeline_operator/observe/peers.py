"""Who is asked when: one that failed is left alone for a while, so that a thousand that are down cost little."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from dataclasses import dataclass
from typing import Any

from logpipeline_operator.observe.facts import Fault

_LOG = logging.getLogger(__name__)
_FIRST_SECONDS, _LONGEST_SECONDS = 2.0, 60.0


@dataclass(frozen=True)
class Question:
    """What to ask of a peer. `late` is the answer when none comes in time, `unknown` when there was no time to ask.

    `fault` tells what is wrong by an answer; `about` is what an answer depends on: when it changes, a peer that failed
    is asked again at once.
    """

    ask: Callable[[], Any]
    late: Any
    unknown: Any
    fault: Callable[[Any], Fault | None]
    about: object


@dataclass
class Peer:
    """What is remembered of a peer between two looks."""

    answer: Any = None
    asked: Future[Any] | None = None
    failures: int = 0
    not_before: float = 0.0
    about: object = None

    def is_due(self, question: Question, now: float) -> bool:
        """Tell whether to ask; a question that is still under way is not put twice."""
        if self.asked is not None and not self.asked.done():
            return False
        return question.about != self.about or now >= self.not_before

    def take(self, answer: Any, question: Question, now: float) -> None:
        """Remember an answer, and when the next question may be put."""
        self.answer = answer
        self.failures = self.failures + 1 if question.fault(answer) is not None else 0
        pause = min(_LONGEST_SECONDS, _FIRST_SECONDS * 2.0 ** min(self.failures - 1, 10)) if self.failures else 0.0
        self.not_before = now + pause


Submit = Callable[[Callable[[], Any]], Future[Any]]
"""Puts a question in a thread of its own, and returns its future."""


def ask_all(
    submit: Submit, questions: Mapping[str, Question], peers: dict[str, Peer], now: float, limit: float
) -> tuple[dict[str, Any], set[str]]:
    """Return the answer to each question and which of them are new, after `limit` seconds at the latest.

    `peers` is what is remembered of those who are asked, by the same names; who is not asked any more is forgotten.
    """
    for gone in set(peers) - set(questions):
        del peers[gone]
    put: dict[str, Future[Any]] = {}
    for name, question in questions.items():
        peer = peers.setdefault(name, Peer())
        if peer.is_due(question, now):
            if question.about != peer.about:
                peer.failures = 0
            peer.about = question.about
            peer.asked = put[name] = submit(question.ask)
    wait(put.values(), timeout=limit)
    answers: dict[str, Any] = {}
    for name, question in questions.items():
        peer = peers[name]
        future = put.get(name)
        if future is not None and not future.cancel():
            peer.take(_answer(name, future, question), question, now)
        # One that had to queue behind others has done nothing wrong.
        answers[name] = question.unknown if peer.answer is None else peer.answer
    return answers, {name for name, future in put.items() if future.done() and not future.cancelled()}


def _answer(name: str, future: Future[Any], question: Question) -> Any:
    if not future.done():
        return question.late
    if (error := future.exception()) is not None:
        _LOG.error("asking %s failed by a defect", name, exc_info=error)
        return question.late
    return future.result()
