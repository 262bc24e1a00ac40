"""The table of what a change does covers the resource, and nothing that is not in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from logpipeline.api.changes import CHANGES, Kind, change_of
from logpipeline.api.crd import custom_resource_definition

SPEC = custom_resource_definition()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]


def fields(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, bool]]:
    """Every field below a schema, and whether it has none below itself."""
    for name, part in schema.get("properties", {}).items():
        here = f"{path}.{name}" if path else name
        inner, inner_path = (part["items"], f"{here}[]") if part.get("type") == "array" else (part, here)
        yield here, "properties" not in inner
        yield from fields(inner, inner_path)


def test_every_field_has_a_row() -> None:
    assert [path for path, is_leaf in fields(SPEC) if is_leaf and not _has_row(path)] == []


def _has_row(path: str) -> bool:
    try:
        return bool(change_of(path))
    except KeyError:
        return False


def test_every_row_has_a_field() -> None:
    known = {path for path, _ in fields(SPEC)}
    assert [change.path for change in CHANGES if change.path not in known] == []
    assert len({change.path for change in CHANGES}) == len(CHANGES)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("goals[].window.size", Kind.STATE_BREAKING),
        ("goals[].having.greaterThan", Kind.ROLLING),
        ("goals[].having.over", Kind.ROLLING),
        ("goals[].topic.retention", Kind.HOT),
        ("sink.elasticsearch.managed.kibana.pod.labels", Kind.ROLLING),
        ("kafka.managed.replicas", Kind.FIXED),
    ],
)
def test_the_nearest_row_counts(path: str, kind: Kind) -> None:
    assert change_of(path).kind == kind


def test_a_new_field_of_the_spec_needs_a_row() -> None:
    with pytest.raises(KeyError):
        change_of("colour")
