"""The rules of the CRD and the validators of the models say the same (the API server itself: tests/e2e/test_crd.py)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from crd_examples import RULES, resource
from logpipeline.api import parse
from logpipeline.api.cel import VALIDATIONS
from logpipeline.api.resource import LogPipeline
from logpipeline.errors import ResourceError


def rules_in(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        yield from (rule["name"] for rule in schema.get(VALIDATIONS, []))
        for part in schema.values():
            yield from rules_in(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from rules_in(part)


def test_every_rule_has_an_example() -> None:
    assert set(rules_in(LogPipeline.model_json_schema())) == set(RULES)


@pytest.mark.parametrize("name", [name for name, example in RULES.items() if example.before is None])
def test_models_agree_with_the_api_server(name: str) -> None:
    example = RULES[name]
    parse(resource(example.accepted))
    if name == "pipeline-name":  # the model says it of `metadata.name`, as of every name
        return
    with pytest.raises(ResourceError) as error:
        parse(resource(example.refused))
    assert example.says in error.value.message


@pytest.mark.parametrize("name", [name for name, example in RULES.items() if example.before is not None])
def test_a_change_is_between_two_good_resources(name: str) -> None:
    example = RULES[name]
    assert example.before is not None
    for changes in ((), (example.accepted,), (example.refused,)):
        parse(resource(example.before, *changes))
