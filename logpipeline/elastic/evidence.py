"""The raw records behind a result: the search that finds in the index what a window counted. Pure.

It says with Elasticsearch's means what the kernel says of a record (`kernel/cells.py`). Fields that are not indexed are
read from the records themselves, as runtime fields without a script, after the time has narrowed them down.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

from logpipeline.api.condition import Condition
from logpipeline.elastic.template import INDEXED
from logpipeline.keys import beginning_of
from logpipeline.rules import Rule

_NUMBERS = ("short", "float", "long")


def evidence_search(rule: Rule, key: Mapping[str, str], start: int, end: int) -> dict[str, Any]:
    """Return the body of a search for the records of `key` (the values of groupBy as they stand in a result) that the
    rule counted in [start, end), epoch seconds: `query`, and `runtime_mappings` where there are any.

    Of a value that the kernel has shortened the rest is not known: all records that begin like it are found.
    """
    passes, must_not, runtime = counted(rule)
    must: list[dict[str, Any]] = [{"range": {"@timestamp": {"gte": start, "lt": end, "format": "epoch_second"}}}]
    must += [_is_key(field, value, runtime) for field, value in key.items()]
    body: dict[str, Any] = {"query": {"bool": {"filter": must + passes, "must_not": must_not}}}
    return body | ({"runtime_mappings": runtime} if runtime else {})


def counted(rule: Rule) -> tuple[list[dict[str, Any]], list[dict[str, Any]], dict[str, Any]]:
    """Return what the records that a rule counts must match and what they must not, and the runtime fields of these
    queries.
    """
    runtime: dict[str, Any] = {}
    must: list[dict[str, Any]] = []
    # Such a record is not valid and no goal has counted it.
    must_not: list[dict[str, Any]] = [{"term": {"_ignored": "status"}}]
    for condition in rule.where:
        passes, fails = _condition(condition, runtime)
        must += passes
        must_not += fails
    if rule.field is not None:
        must.append({"exists": {"field": _number(rule.field, runtime)}})
    return must, must_not, runtime


def _condition(condition: Condition, runtime: dict[str, Any]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return what a record that passes must match, and what it must not."""
    field = condition.field
    if condition.between is not None:
        low, high = condition.between
        return [{"range": {_number(field, runtime): {"gte": low, "lte": high}}}], []
    if condition.greater_than is not None:
        return [{"range": {_number(field, runtime): {"gt": condition.greater_than}}}], []
    if condition.less_than is not None:
        return [{"range": {_number(field, runtime): {"lt": condition.less_than}}}], []
    if condition.equals is not None:
        return [_equals(field, str(condition.equals), runtime)], []
    if condition.in_ is not None:
        return [_any(field, [str(value) for value in condition.in_], runtime)], []
    if condition.not_in is not None:
        # A value that its indexed field cannot hold is another one, too.
        text = _text(field, runtime)
        return [{"exists": {"field": text}}], [{"terms": {text: [str(value) for value in condition.not_in]}}]
    return [{"prefix": {_text(field, runtime): condition.prefix}}], []


def _is_key(field: str, value: str, runtime: dict[str, Any]) -> dict[str, Any]:
    beginning = beginning_of(value)
    if beginning is None:
        return _equals(field, value, runtime)
    # What is longer than `ignore_above` is not indexed, so the value is read from the record.
    runtime[field] = {"type": "keyword"}
    return {"prefix": {field: beginning}}


def _equals(field: str, value: str, runtime: dict[str, Any]) -> dict[str, Any]:
    return {"term": {field if _fits(field, value) else _text(field, runtime): value}}


def _any(field: str, values: list[str], runtime: dict[str, Any]) -> dict[str, Any]:
    fits = all(_fits(field, value) for value in values)
    return {"terms": {field if fits else _text(field, runtime): values}}


def _fits(field: str, value: str) -> bool:
    """Whether the indexed field, if it is one, can hold the value as it is written."""
    match INDEXED.get(field):
        case "keyword":
            return True
        case "short" | "long":
            return value.lstrip("-").isdecimal() and str(int(value)) == value
        case "ip":
            try:
                return str(ipaddress.ip_address(value)) == value
            except ValueError:
                return False
        case _:
            return False


def _text(field: str, runtime: dict[str, Any]) -> str:
    """Return the field, read as text."""
    if INDEXED.get(field) != "keyword":
        runtime[field] = {"type": "keyword"}
    return field


def _number(field: str, runtime: dict[str, Any]) -> str:
    """Return the field, read as a number."""
    if INDEXED.get(field) not in _NUMBERS:
        runtime[field] = {"type": "double"}
    return field


def kql(rule: Rule, key: Mapping[str, str]) -> str:
    """Return the same in the language of Kibana's search bar, without the time; only what is indexed is found there."""
    parts = [_key_kql(field, value) for field, value in key.items()]
    parts += [_condition_kql(condition) for condition in rule.where]
    return " and ".join(parts)


def _key_kql(field: str, value: str) -> str:
    beginning = beginning_of(value)
    return f"{_quoted(field)}: {_quoted(value) if beginning is None else f'{_unquoted(beginning)}*'}"


def _condition_kql(condition: Condition) -> str:
    field = _quoted(condition.field)
    if condition.between is not None:
        return f"{field} >= {condition.between[0]:g} and {field} <= {condition.between[1]:g}"
    if condition.greater_than is not None:
        return f"{field} > {condition.greater_than:g}"
    if condition.less_than is not None:
        return f"{field} < {condition.less_than:g}"
    if condition.equals is not None:
        return f"{field}: {_quoted(str(condition.equals))}"
    if condition.in_ is not None:
        return f"{field}: ({' or '.join(_quoted(str(value)) for value in condition.in_)})"
    if condition.not_in is not None:
        return f"{field}: * and not {field}: ({' or '.join(_quoted(str(value)) for value in condition.not_in)})"
    return f"{field}: {_unquoted(condition.prefix or '')}*"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _unquoted(text: str) -> str:
    """Return text that stands before a wildcard: what has a meaning there is escaped."""
    special = '\\():<>"*{} '
    return "".join(f"\\{letter}" if letter in special else letter for letter in text)
