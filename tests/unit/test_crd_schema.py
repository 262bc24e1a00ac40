"""The types of the CRD's schema and those of the models are the same, held against one table: what the schema accepts
`validate` accepts, and the other way round (the API server itself: tests/e2e/test_crd.py).
"""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from crd_examples import ACCEPTED, RULES, SCHEMA, Changes, resource
from logpipeline.api import parse
from logpipeline.api.crd import custom_resource_definition
from logpipeline.errors import ResourceError

STRUCTURAL = custom_resource_definition()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]


def json_schema(structural: dict[str, Any]) -> dict[str, Any]:
    """A structural schema in the words of JSON Schema, fields that it does not name refused, as strict decoding does."""
    schema = {
        key: structural[key] for key in structural.keys() - {"properties", "items", "additionalProperties", "default"}
    }
    if schema.pop("exclusiveMinimum", False):
        schema["exclusiveMinimum"] = schema.pop("minimum")
    if structural.get("x-kubernetes-int-or-string"):
        schema["type"] = ["integer", "string"]
    if "properties" in structural:
        schema["properties"] = {name: json_schema(part) for name, part in structural["properties"].items()}
        schema["additionalProperties"] = False
    if "items" in structural:
        schema["items"] = json_schema(structural["items"])
    if "additionalProperties" in structural:
        schema["additionalProperties"] = json_schema(structural["additionalProperties"])
    return schema


def without_nulls(value: Any, structural: dict[str, Any]) -> Any:
    """A value as the API server prunes it: null is no value of a field that the schema knows."""
    if isinstance(value, list):
        return [without_nulls(item, structural.get("items", {})) for item in value]
    if not isinstance(value, dict):
        return value
    schemas = {
        name: structural.get("properties", {}).get(name, structural.get("additionalProperties")) for name in value
    }
    return {
        name: without_nulls(inner, schemas[name] or {})
        for name, inner in value.items()
        if inner is not None or schemas[name] is None
    }


def repeated(value: Any, structural: dict[str, Any]) -> bool:
    """Whether a list of items that are told apart by a key has two of the same key."""
    keys = structural.get("x-kubernetes-list-map-keys")
    found = [[item.get(key) for key in keys] for item in value] if keys else []
    if any(found.count(key) > 1 for key in found):
        return True
    parts = structural.get("properties", {})
    return isinstance(value, dict) and any(repeated(inner, parts.get(name, {})) for name, inner in value.items())


def schema_refuses(changes: Changes) -> bool:
    document = resource(changes)
    # Kubernetes checks the rest of it by a schema of its own.
    document["metadata"] = {"name": document["metadata"]["name"]}
    pruned = without_nulls(document, STRUCTURAL)
    faults = list(Draft202012Validator(json_schema(STRUCTURAL)).iter_errors(pruned))
    return bool(faults) or repeated(pruned, STRUCTURAL)


@pytest.mark.parametrize("name", SCHEMA)
def test_what_the_schema_refuses_the_models_refuse(name: str) -> None:
    changes, _ = SCHEMA[name]
    with pytest.raises(ResourceError):
        parse(resource(changes))
    assert schema_refuses(changes) or all(path.startswith("metadata.") for path in changes)


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_the_schema_accepts_the_models_accept(name: str) -> None:
    parse(resource(ACCEPTED[name]))
    assert not schema_refuses(ACCEPTED[name])


@pytest.mark.parametrize("name", RULES)
def test_what_a_rule_accepts_is_of_the_schema_s_types(name: str) -> None:
    example = RULES[name]
    assert not schema_refuses({**(example.before or {}), **example.accepted})
