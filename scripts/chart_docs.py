"""The chart's values, said once: comments in values.yaml give the table in README.md and the schema's descriptions.

Without arguments the two are written anew; with --check they are only compared. Exit code 1, and a line a fault, when
they are stale, when a value has no comment, and when values.yaml and the schema do not have the same keys.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

CHART = Path(__file__).parent.parent / "charts" / "logpipeline-operator"
BEGIN, END = "<!-- values: made by `make chart-docs` -->", "<!-- /values -->"


@dataclass(frozen=True)
class Value:
    """A documented value: its path in values.yaml, its default, and what it is for."""

    path: tuple[str, ...]
    default: Any
    description: str

    @property
    def key(self) -> str:
        """The path as people write it, e.g. `crds.enabled`."""
        return ".".join(self.path)


def documented(text: str) -> Iterator[Value]:
    """Yield the values of values.yaml in order; an empty description where the comment is missing."""
    lines = text.splitlines()
    defaults = yaml.safe_load(text)

    def below(node: yaml.MappingNode, path: tuple[str, ...], default: dict[str, Any]) -> Iterator[Value]:
        for key, value in node.value:
            inner = (*path, key.value)
            description = _comment_above(lines, key.start_mark.line)
            if not description and isinstance(value, yaml.MappingNode) and value.value:
                yield from below(value, inner, default[key.value])
            else:
                yield Value(inner, default[key.value], description)

    root = yaml.compose(text)
    assert isinstance(root, yaml.MappingNode)
    yield from below(root, (), defaults)


def _comment_above(lines: list[str], line: int) -> str:
    found: list[str] = []
    for above in reversed(lines[:line]):
        comment = re.match(r"\s*# ?(.*)", above)
        if not comment:
            break
        found.insert(0, comment[1])
        if comment[1].startswith("-- "):
            return " ".join(found).removeprefix("-- ")
    return ""


def table(values: list[Value]) -> str:
    """Return the values as a Markdown table."""
    rows = ["| Value | Default | What it is for |", "|---|---|---|"]
    for value in values:
        default = json.dumps(value.default).replace("|", "\\|")
        rows.append(f"| `{value.key}` | `{default}` | {value.description} |")
    return "\n".join(rows)


def schema_part(schema: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any] | None:
    """Return what the schema says of the value at `path`, or None."""
    for key in path:
        schema = schema.get("properties", {}).get(key)
        if schema is None:
            return None
    return schema


def leaves(schema: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the paths of all values that the schema knows."""
    for key, part in schema.get("properties", {}).items():
        if "properties" in part:
            yield from leaves(part, (*path, key))
        else:
            yield (*path, key)


def disagreements(values: list[Value], schema: dict[str, Any]) -> list[str]:
    """Return a line for each value without a comment, and for each that only values.yaml or only the schema has."""
    faults = [f"values.yaml: {value.key} has no `# --` comment" for value in values if not value.description]
    faults += [f"values.schema.json lacks {value.key}" for value in values if schema_part(schema, value.path) is None]
    documents = [value.path for value in values]
    for path in leaves(schema):
        known = path == ("global",) or any(path[: len(document)] == document for document in documents)
        if not known:
            faults.append(f"values.yaml lacks {'.'.join(path)}, which values.schema.json has")
    return faults


def described(values: list[Value], schema: dict[str, Any]) -> str:
    """Return the schema as JSON text with the descriptions of the values in it."""
    for value in values:
        part = schema_part(schema, value.path)
        assert part is not None
        rest = {key: given for key, given in part.items() if key not in {"description", "allOf"}}
        if "$ref" in part:
            # Draft 7 ignores what stands beside a reference.
            rest = {"allOf": [{"$ref": rest.pop("$ref")}]}
        elif "allOf" in part:
            rest["allOf"] = part["allOf"]
        part.clear()
        part.update({"description": value.description, **rest})
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def main() -> int:
    """Write or check; return the exit code."""
    values = list(documented((CHART / "values.yaml").read_text()))
    schema_file, readme_file = CHART / "values.schema.json", CHART / "README.md"
    schema = json.loads(schema_file.read_text())
    faults = disagreements(values, schema)
    if not faults:
        readme = readme_file.read_text()
        head, _, rest = readme.partition(BEGIN)
        _, _, tail = rest.partition(END)
        made = {
            readme_file: f"{head}{BEGIN}\n{table(values)}\n{END}{tail}",
            schema_file: described(values, schema),
        }
        for file, text in made.items():
            if file.read_text() == text:
                continue
            if sys.argv[1:] == ["--check"]:
                faults.append(f"{file.name} is stale: run `make chart-docs`")
            else:
                file.write_text(text)
    for fault in faults:
        print(f"error: {fault}", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
