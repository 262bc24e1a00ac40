"""docs/reference.md and manifests/crd/logpipelines.yaml, made from the models of the resource.

`api_docs.py docs` and `api_docs.py crd` write one of them; with --check it is only compared, and the exit code is 1
when it is stale.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from logpipeline.api.cel import VALIDATIONS
from logpipeline.api.changes import CHANGES, KINDS, change_of
from logpipeline.api.crd import crd_text
from logpipeline.api.resource import LogPipeline, Spec
from logpipeline.api.status import Status

ROOT = Path(__file__).parent.parent
_INTRO = """\
# Reference of the LogPipeline resource

<!-- Made from the models in logpipeline/api by `make docs`. -->

`logpipelines.logpipeline.dev`, version `v1alpha1`, short name `lpl`, category `streaming`. `kubectl explain
logpipelines.logpipeline.dev.spec` shows the same. The API server fills in the defaults and checks the rules;
`logpipeline validate -f FILE` does so without a cluster, by the same types: `"4"` is text and no number, `NO` and `y`
are booleans to YAML and have to be in quotes where text is meant, null is as if the field were not there.

`validate` refuses one thing more: a goal that names a column which `source.format` does not carry. A rule of the API
server for that would refuse every later edit of a pipeline that was accepted before. A pipeline that is stored with
such a goal, or with a key that has the name of a field of the result, runs on, and its condition `Progressing` names
the field (reason `GoalPointless`).

- **Durations** are numbers and units, the largest first: `500ms`, `30s`, `1h30m`, `7d`.
- **Sizes** are a number and `Ki`, `Mi`, `Gi` or `Ti` (or `k`, `M`, `G`, `T`); **CPU** is `500m` or `2`.
- There is no scale subresource: a pipeline has several sizes (partitions, brokers, executors, workers), and
  `kubectl scale` would set one of them without saying which.
- Names of Secrets, never secrets, stand in the resource.

`kubectl get lpl` shows Ready, the reason of FlowHealthy, the goals that make progress, the largest lag and the rate;
with `-o wide` also Kafka, the sink and the message of Ready.
"""


_PLACES = 7
# A text of a form that has a name, by its rule.
_FORMS = {"duration": "duration", "quantity": "size", "cpu": "CPU"}


@dataclass
class Section:
    """One model of the resource: its schema, and the places where it stands."""

    name: str
    schema: dict[str, Any]
    paths: list[str] = field(default_factory=list)


def shown(name: str) -> str:
    """Return a model's name; Pydantic writes the module before one that occurs twice."""
    *modules, last = name.split("__")
    return last if not modules or modules[-1] == last.lower() else modules[-1].title() + last


def sections(schema: dict[str, Any], root: str) -> dict[str, Section]:
    """Return the models of a JSON schema in the order in which they are met, the outermost first."""
    found: dict[str, Section] = {}

    def visit(name: str, part: dict[str, Any], path: str) -> None:
        section = found.setdefault(shown(name), Section(shown(name), part))
        section.paths.append(path)
        for key, value in part.get("properties", {}).items():
            for inner, many in models_of(value):
                visit(inner, schema["$defs"][inner], f"{path}.{key}{'[]' if many else ''}".lstrip("."))

    visit(root, schema, "")
    return found


def models_of(schema: dict[str, Any]) -> Iterator[tuple[str, bool]]:
    """Yield the model that a field holds, and whether it holds a list of them."""
    if "$ref" in schema:
        yield schema["$ref"].removeprefix("#/$defs/"), False
    for option in schema.get("anyOf", []):
        yield from models_of(option)
    if isinstance(schema.get("items"), dict):
        yield from ((name, True) for name, _ in models_of(schema["items"]))


def type_of(schema: dict[str, Any]) -> str:
    """Return the type of a field in words, with its bounds."""
    if "$ref" in schema:
        name = shown(schema["$ref"].removeprefix("#/$defs/"))
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return type_of(next(option for option in schema["anyOf"] if option != {"type": "null"}))
    if named := [word for rule in schema.get(VALIDATIONS, []) if (word := _FORMS.get(rule["name"]))]:
        return named[0]
    if "enum" in schema or "const" in schema:
        return " \\| ".join(f"`{value}`" for value in schema.get("enum", [schema.get("const")]))
    if schema.get("x-kubernetes-int-or-string"):
        return "text or integer"
    kind = schema.get("type")
    if kind == "array":
        return f"list of {type_of(schema['items'])}{_bounds(schema, 'minItems', 'maxItems')}"
    if kind == "object":
        values = schema.get("additionalProperties")
        return f"map of {type_of(values)}" if isinstance(values, dict) else "object"
    if schema.get("format") == "date-time":
        return "time"
    words = {"string": "text", "integer": "integer", "number": "number", "boolean": "boolean"}
    return words[str(kind)] + _bounds(schema, "minimum", "maximum", "exclusiveMinimum")


def _bounds(schema: dict[str, Any], low: str, high: str, above: str = "") -> str:
    least = f"> {schema[above]:g}" if above in schema else f"≥ {schema[low]}" if low in schema else ""
    most = f"≤ {schema[high]}" if high in schema else ""
    return f", {' and '.join(filter(None, (least, most)))}" if least or most else ""


def default_of(schema: dict[str, Any], *, required: bool) -> str:
    """Return the default of a field as it stands in YAML."""
    if required:
        return "required"
    default = schema.get("default")
    if default in (None, {}):
        return ""
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def rules_of(section: Section) -> list[str]:
    """Return what the API server says against a value of a model and of its own fields."""
    found = [rule["message"] for rule in section.schema.get(VALIDATIONS, [])]
    for name, part in section.schema.get("properties", {}).items():
        for option in (part, *part.get("anyOf", [])):
            rules = [rule for rule in option.get(VALIDATIONS, []) if rule["name"] not in _FORMS]
            found += [f"`{name}` {rule['message']}" for rule in rules]
    return list(dict.fromkeys(found))


def change_kind(path: str) -> str:
    """Return the class of a field's change, nothing for a part whose fields have their own."""
    named = {change.path for change in CHANGES}
    has_finer = any(other.startswith((f"{path}.", f"{path}[].")) for other in named)
    return "" if has_finer and path not in named else change_of(path).kind


def section_text(section: Section, *, changes: bool) -> str:
    """Return a model as a table of its fields, with the class of their `changes` at all places where it stands."""
    lines = [f"### {section.name}", "", section.schema.get("description", "")]
    if paths := [f"`{path}`" for path in section.paths if path]:
        more = f" and {len(paths) - _PLACES} places more" if len(paths) > _PLACES else ""
        lines += ["", f"At {', '.join(paths[:_PLACES])}{more}."]
    head = ["Field", "Type", "Default", *(["Change"] if changes else []), "Meaning"]
    lines += ["", row(head), row("---" for _ in head)]
    required = section.schema.get("required", [])
    for name, part in section.schema.get("properties", {}).items():
        places = [f"{path}.{name}".lstrip(".") for path in section.paths]
        kinds = [", ".join(dict.fromkeys(change_kind(place) for place in places))] if changes else []
        default = default_of(part, required=name in required)
        lines.append(row([f"`{name}`", type_of(part), default, *kinds, part.get("description", "")]))
    if not section.schema.get("properties"):
        lines = [*lines[:-2], "No fields."]
    if rules := rules_of(section):
        lines += ["", "Refused, in these words:", "", *(f"- {rule}" for rule in rules)]
    return "\n".join(lines) + "\n"


def row(cells: Iterable[str]) -> str:
    """Return a row of a Markdown table."""
    return f"| {' | '.join(cells)} |".replace("<", "&lt;")


def changes_text() -> str:
    """Return what a change of each field does."""
    lines = ["## What a change does", "", *(f"- **{kind}**: {meaning}." for kind, meaning in KINDS.items()), ""]
    lines += ["A field that is not named is of the class of the nearest one above it.", ""]
    lines += [row(["Field below `spec`", "Class", "What is touched", "Remark"]), row(["---"] * 4)]
    lines += [row([f"`{change.path}`", change.kind, ", ".join(change.components), change.remark]) for change in CHANGES]
    return "\n".join(lines) + "\n"


def reference() -> str:
    """Return docs/reference.md."""
    spec = sections(Spec.model_json_schema(), "Spec")
    status = sections(Status.model_json_schema(), "Status")
    fields = [section_text(section, changes=True) for section in spec.values()]
    seen = [section_text(section, changes=False) for name, section in status.items() if name not in spec]
    whole = "\n".join(f"- {rule.message}" for rule in LogPipeline.cel)
    text = "\n".join(
        [_INTRO, changes_text(), "## Fields of spec", "", f"Of the resource as a whole:\n\n{whole}\n", *fields,
         "## Fields of status", "", *seen]
    )  # fmt: skip
    return re.sub(r"\n{3,}", "\n\n", text)


FILES: dict[str, tuple[Path, Callable[[], str]]] = {
    "docs": (ROOT / "docs" / "reference.md", reference),
    "crd": (ROOT / "manifests" / "crd" / "logpipelines.yaml", crd_text),
}


def main() -> int:
    """Write or check; return the exit code."""
    what, *check = sys.argv[1:]
    file, make = FILES[what]
    text = make()
    if not check:
        file.write_text(text)
    elif not file.exists() or file.read_text() != text:
        print(f"error: {file.relative_to(ROOT)} is stale: run `make {what}`", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
