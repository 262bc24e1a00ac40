"""The CustomResourceDefinition, generated from the models.

A CRD's schema must be structural
(https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/): no references, no
`anyOf` for an optional value, no `additionalProperties: false` beside properties.
"""

from __future__ import annotations

from typing import Any

from logpipeline.api.resource import GROUP, KIND, VERSION, Spec

_KEEP = {
    "type", "description", "default", "enum", "format", "items", "maxItems", "maxLength", "maximum", "minItems",
    "minLength", "minimum", "exclusiveMinimum", "pattern", "required", "x-kubernetes-int-or-string",
}  # fmt: skip


def custom_resource_definition() -> dict[str, Any]:
    """Return the CRD of LogPipeline as a Kubernetes object."""
    schema = Spec.model_json_schema(mode="validation")
    spec = _structural(schema, schema.get("$defs", {}))
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
                    "schema": {
                        "openAPIV3Schema": {
                            "type": "object",
                            "description": "One custom resource from access log to alert.",
                            "required": ["spec"],
                            "properties": {
                                "spec": spec,
                                "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                            },
                        }
                    },
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": [
                        {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}
                    ],
                }
            ],
        },
    }


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
    if "items" in result:
        result["items"] = _structural(result["items"], definitions)
    if "properties" in schema:
        result["properties"] = {name: _structural(part, definitions) for name, part in schema["properties"].items()}
    elif isinstance(schema.get("additionalProperties"), dict):
        result["additionalProperties"] = _structural(schema["additionalProperties"], definitions)
    return result
