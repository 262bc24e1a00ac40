"""The CustomResourceDefinition, generated from the models.

A CRD's schema must be structural
(https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/): no references, no
`anyOf` for an optional value, no `additionalProperties: false` beside properties.

There is no scale subresource: a pipeline has several sizes (partitions, brokers, executors, workers), and `kubectl
scale` would set one of them without saying which.
"""

from __future__ import annotations

from typing import Any

import yaml

from logpipeline.api.cel import VALIDATIONS
from logpipeline.api.documents import Dumper
from logpipeline.api.resource import GROUP, KIND, VERSION, LogPipeline, Spec
from logpipeline.api.status import Status

_KEEP = {
    "type", "description", "default", "enum", "format", "items", "maxItems", "maxLength", "maxProperties", "maximum",
    "minItems", "minLength", "minimum", "exclusiveMinimum", "pattern", "required", "x-kubernetes-int-or-string",
    "x-kubernetes-list-type", "x-kubernetes-list-map-keys", VALIDATIONS,
}  # fmt: skip
_NAME_LENGTH = 52


def custom_resource_definition() -> dict[str, Any]:
    """Return the CRD of LogPipeline as a Kubernetes object."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"logpipelines.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": KIND,
                "listKind": f"{KIND}List",
                "plural": "logpipelines",
                "singular": "logpipeline",
                "shortNames": ["lpl"],
                "categories": ["streaming"],
            },
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": _resource()},
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": [
                        _column("Ready", _condition("Ready", "status")),
                        _column("Flow", _condition("FlowHealthy", "reason")),
                        _column("Goals", ".status.goalsReady"),
                        _column("Lag", ".status.lag", type_="integer"),
                        _column("Rate", ".status.rate"),
                        _column("Age", ".metadata.creationTimestamp", type_="date"),
                        _column("Kafka", _condition("KafkaReady", "status"), priority=1),
                        _column("Sink", _condition("SinkReady", "status"), priority=1),
                        _column("Message", _condition("Ready", "message"), priority=1),
                    ],
                }
            ],
        },
    }


def crd_text() -> str:
    """Return the CRD as YAML."""
    text: str = yaml.dump(custom_resource_definition(), Dumper=Dumper, sort_keys=False, width=120, allow_unicode=True)
    return text


def _resource() -> dict[str, Any]:
    # All four stand here so that the rules may read the name, and so that its length bounds what they cost.
    head: dict[str, Any] = {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {
            "type": "object",
            "properties": {"name": {"type": "string", "maxLength": _NAME_LENGTH}, "generateName": {"type": "string"}},
        },
    }
    return {
        "type": "object",
        "description": "One custom resource from access log to alert.",
        "required": ["spec"],
        "properties": {**head, "spec": _schema_of(Spec), "status": _without_rules(_schema_of(Status))},
        VALIDATIONS: [_rule(rule.schema()) for rule in LogPipeline.cel],
    }


def _column(name: str, path: str, *, type_: str = "string", priority: int = 0) -> dict[str, Any]:
    column = {"name": name, "type": type_, "jsonPath": path}
    return {**column, "priority": priority} if priority else column


def _condition(kind: str, field: str) -> str:
    return f'.status.conditions[?(@.type=="{kind}")].{field}'


def _schema_of(model: type[Spec | Status]) -> dict[str, Any]:
    schema = model.model_json_schema(mode="validation")
    description = schema["description"]
    return {**_structural(schema, schema.get("$defs", {})), "description": description}


def _structural(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """Return `schema` as a structural schema: references inlined, optional values plain, our own keywords dropped."""
    if "$ref" in schema:
        target = definitions[schema["$ref"].removeprefix("#/$defs/")]
        return _structural({**target, **{key: value for key, value in schema.items() if key != "$ref"}}, definitions)
    if "anyOf" in schema:
        (only,) = [option for option in schema["anyOf"] if option != {"type": "null"}]
        rest = {
            key: value for key, value in schema.items() if key != "anyOf" and not (key == "default" and value is None)
        }
        return _structural({**only, **rest}, definitions)
    result = {key: value for key, value in schema.items() if key in _KEEP}
    if "const" in schema:
        result["enum"] = [schema["const"]]
    if isinstance(result.get("exclusiveMinimum"), int | float):
        # OpenAPI v3.0 writes the bound and its strictness apart.
        result["minimum"], result["exclusiveMinimum"] = result["exclusiveMinimum"], True
    if VALIDATIONS in result:
        result[VALIDATIONS] = [_rule(rule) for rule in result[VALIDATIONS]]
    if "items" in result:
        result["items"] = _structural(result["items"], definitions)
    if "properties" in schema:
        parts = {name: _structural(part, definitions) for name, part in schema["properties"].items()}
        result["properties"] = parts
        if result.get("default") == {}:
            # A default is held against the rules as it stands, before those of its fields are filled in.
            result["default"] = {name: part["default"] for name, part in parts.items() if "default" in part}
    elif isinstance(schema.get("additionalProperties"), dict):
        result["additionalProperties"] = _structural(schema["additionalProperties"], definitions)
    elif schema.get("additionalProperties") is True:
        result["x-kubernetes-preserve-unknown-fields"] = True
    return result


def _rule(rule: dict[str, str]) -> dict[str, str]:
    return {key: value for key, value in rule.items() if key != "name"}


def _without_rules(schema: Any) -> Any:
    """Return `schema` without rules and defaults: what the operator writes is checked by its models."""
    if isinstance(schema, list):
        return [_without_rules(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {key: _without_rules(value) for key, value in schema.items() if key not in (VALIDATIONS, "default")}
