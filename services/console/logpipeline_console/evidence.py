"""The raw records behind a detection, out of the index."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from elasticsearch import ApiError, Elasticsearch, TransportError

from logpipeline.elastic.evidence import evidence_search
from logpipeline.elastic.transport import refusal
from logpipeline.errors import first_line
from logpipeline.rules import Rule
from logpipeline_console.goals import ShownGoal

_MOST_RECORDS = 500
# Whoever asks for records waits for them, longer than the picture of the path does for a count.
_SECONDS = 20.0
_MOST_SECONDS = 366 * 86_400
# Bars of the picture over the time around the windows.
_BARS = 90


class BadRequestError(Exception):
    """What was asked makes no sense; the message says which parameter, and why."""


class UnavailableError(Exception):
    """The index cannot be asked, or there is none."""


@dataclass(frozen=True)
class Question:
    """Which windows of which key: [start, end) in epoch seconds; and how many of their records are wanted."""

    rule: Rule
    key: tuple[str, ...]
    start: int
    end: int
    records: int


def asked(parameters: Iterable[tuple[str, str]], goals: Mapping[str, ShownGoal]) -> Question:
    """Return what the parameters of a request ask: goal, start, end, `key` once a field of groupBy, records (50).

    Raises BadRequestError.
    """
    given = list(parameters)
    one = dict(given)
    goal = goals.get(one.get("goal", ""))
    if goal is None:
        raise BadRequestError(f"goal: there is none called {one.get('goal', '')!r}; there is {', '.join(goals)}")
    key = tuple(value for name, value in given if name == "key")
    if len(key) != len(goal.rule.group_by):
        raise BadRequestError(f"key: give it once for each of {', '.join(goal.rule.group_by)}, in this order")
    start, end = _number(one, "start", None), _number(one, "end", None)
    if not 0 < end - start <= _MOST_SECONDS:
        raise BadRequestError("end: is not after start, or more than a year after it")
    records = _number(one, "records", 50)
    if not 0 <= records <= _MOST_RECORDS:
        raise BadRequestError(f"records: {records} is not from 0 to {_MOST_RECORDS}")
    return Question(goal.rule, key, start, end, records)


def _number(parameters: Mapping[str, str], name: str, default: int | None) -> int:
    text = parameters.get(name, "" if default is None else str(default))
    try:
        return int(text)
    except ValueError:
        raise BadRequestError(f"{name}: {text!r} is not a whole number") from None


class Evidence:
    """Answers questions from the index; `client` None: there is none."""

    def __init__(self, client: Elasticsearch | None, index: str, goals: Iterable[ShownGoal]) -> None:
        self.goals = {goal.rule.name: goal for goal in goals}
        self._client = None if client is None else client.options(request_timeout=_SECONDS)
        self._index = index

    def answer(self, question: Question) -> dict[str, Any]:
        """Return the records of the windows, the oldest first, how many there are, and how many came when around the
        windows; raises UnavailableError.
        """
        if self._client is None:
            raise UnavailableError("there is no index of the raw records here")
        around = (question.end - question.start) // 2 + question.rule.size
        begin, finish = question.start - around, question.end + around
        step = max(1, -(-(finish - begin) // _BARS))
        begin -= begin % step
        records, picture = self._ask(
            {
                **_search(question, question.start, question.end),
                "size": question.records,
                "sort": [{"@timestamp": "asc"}, {"_doc": "asc"}],
                "track_total_hits": True,
            },
            {
                **_search(question, begin, finish),
                "size": 0,
                "aggs": {"times": {"date_histogram": {"field": "@timestamp", "fixed_interval": f"{step}s"}}},
            },
        )
        counts = {bucket["key"] // 1000: bucket["doc_count"] for bucket in picture["aggregations"]["times"]["buckets"]}
        return {
            "total": records["hits"]["total"]["value"],
            "records": [{"id": hit["_id"], "record": hit["_source"]} for hit in records["hits"]["hits"]],
            "begin": begin,
            "step": step,
            "counts": [counts.get(moment, 0) for moment in range(begin, finish, step)],
        }

    def _ask(self, *bodies: dict[str, Any]) -> list[dict[str, Any]]:
        assert self._client is not None
        try:
            return [dict(self._client.search(index=self._index, body=body)) for body in bodies]
        except ApiError as error:
            raise UnavailableError(refusal(error)) from error
        except TransportError as error:
            raise UnavailableError(f"Elasticsearch does not answer: {first_line(error)}") from error


def _search(question: Question, start: int, end: int) -> dict[str, Any]:
    key = dict(zip(question.rule.group_by, question.key, strict=True))
    return evidence_search(question.rule, key, start, end)
