"""Which of two CRDs is the older one, by what it lacks and by the version it is labelled with: pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

VERSION_LABEL = "app.kubernetes.io/version"
# Every resource has them, whether the schema names them or not.
_IMPLIED = {"apiVersion", "kind", "metadata"}

CRD = dict[str, Any]


def stale(live: CRD, wanted: CRD) -> list[str]:
    """Return what `live` lacks of `wanted`, a line a fault; empty when an operator of `wanted` can work with it.

    More than what is wanted, the CRD of a newer operator, is no fault: that is how a roll-back works.
    """
    served = {version["name"]: version for version in live["spec"]["versions"] if version["served"]}
    faults = []
    for version in wanted["spec"]["versions"]:
        name = version["name"]
        if name not in served:
            faults.append(f"version {name} is not served")
            continue
        missing = set(version.get("subresources", {})) - set(served[name].get("subresources", {}))
        faults += [f"{name}: subresource {subresource} is missing" for subresource in sorted(missing)]
        live_schema, wanted_schema = (each["schema"]["openAPIV3Schema"] for each in (served[name], version))
        faults += [f"{name}: {fault}" for fault in _lacking(live_schema, wanted_schema, path="")]
    return faults


def newer(live: CRD, wanted: CRD) -> bool:
    """Return whether `live` was applied by a newer version than the one `wanted` belongs to."""
    live_version, wanted_version = (_release(crd["metadata"].get("labels", {})) for crd in (live, wanted))
    return live_version > wanted_version


def _lacking(live: CRD, wanted: CRD, path: str) -> Iterator[str]:
    at = path or "the resource"
    if live.get("x-kubernetes-preserve-unknown-fields"):
        return
    if _type(live) != _type(wanted):
        yield f"{at} is of type {_type(live)}, not {_type(wanted)}"
        return
    if wanted.get("x-kubernetes-preserve-unknown-fields"):
        yield f"{at} does not keep unknown fields"
    if "enum" in live:
        for value in [value for value in wanted.get("enum", []) if value not in live["enum"]]:
            yield f"{at} does not allow {value!r}"
    for name, schema in wanted.get("properties", {}).items():
        if not path and name in _IMPLIED:
            continue
        below = f"{path}.{name}".lstrip(".")
        if name in live.get("properties", {}):
            yield from _lacking(live["properties"][name], schema, below)
        else:
            yield f"{below} is missing"
    for inner, sign in (("items", "[]"), ("additionalProperties", "{}")):
        if inner in wanted:
            yield from _lacking(live.get(inner, {}), wanted[inner], path + sign)


def _type(schema: CRD) -> str:
    return str(schema.get("type", "integer or string" if schema.get("x-kubernetes-int-or-string") else "unknown"))


def _release(labels: dict[str, str]) -> tuple[int, ...]:
    found = re.match(r"\d+(\.\d+)*", labels.get(VERSION_LABEL, ""))
    return tuple(int(part) for part in found[0].split(".")) if found else ()
