"""YAML as kubectl reads it: the same text means the same resource to `validate`, to `up` and to the API server.

kubectl reads YAML with go-yaml v2 (`sigs.k8s.io/yaml`), whose plain scalars are not quite those of PyYAML: `y` and `n`
are booleans, `1e3` is a number, `12:30` and a date are text. Beyond that, a key that is written twice is an error here,
where both would take the last one without a word.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

import yaml

_TAG = "tag:yaml.org,2002:"
_MOST = 2**64
# Digits of a number of 64 bits, written with base 2.
_LONGEST = 66
_MOST_VALUES = 1_000_000
# go-yaml v2, resolve.go; in the order in which it tries them.
_PLAIN: tuple[tuple[str, str, str], ...] = (
    ("bool", r"y|Y|yes|Yes|YES|true|True|TRUE|on|On|ON|n|N|no|No|NO|false|False|FALSE|off|Off|OFF", "yYnNtTfFoO"),
    ("null", r"|~|null|Null|NULL", "~nN"),
    ("merge", r"<<", "<"),
    (
        "int",
        r"[-+]?(0[bB]_*[01][01_]*|0[xX]_*[0-9a-fA-F][0-9a-fA-F_]*|0[oO]_*[0-7][0-7_]*|0[0-7_]*|[1-9][0-9_]*)",
        "-+0123456789",
    ),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9_]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        "-+.0123456789",
    ),
)
_TRUE = re.compile(r"y|yes|true|on", re.IGNORECASE)
_BASES = {"0b": 2, "0x": 16, "0o": 8}


def _fault(message: str, node: yaml.Node) -> yaml.YAMLError:
    return yaml.constructor.ConstructorError(None, None, message, node.start_mark)


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's own way

    def mapping(self, node: yaml.MappingNode) -> dict[str, Any]:
        """Return a mapping; its keys are text, as in JSON. Merge keys are filled in, what is written wins."""
        found: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for position, (key_node, value_node) in enumerate(node.value):
            if key_node.tag == f"{_TAG}merge":
                if position:
                    # go-yaml lets what is merged win over what stands before it, other readers do not.
                    raise _fault("a merge key stands behind other fields; write << first", key_node)
                merged = self._merged(value_node)
                continue
            key = self._key(key_node)
            if key in found:
                raise _fault(f"the field {key!r} is given twice", key_node)
            found[key] = self.construct_object(value_node, deep=True)
        return merged | found

    def _merged(self, node: yaml.Node) -> dict[str, Any]:
        given = self.construct_object(node, deep=True)
        several = given if isinstance(given, list) else [given]
        if not all(isinstance(one, dict) for one in several):
            raise _fault("<< takes a mapping, or a list of them", node)
        # Of several the first has the last word (https://yaml.org/type/merge.html).
        return {key: value for one in reversed(several) for key, value in one.items()}

    def sequence(self, node: yaml.SequenceNode) -> list[Any]:
        """Return a list."""
        return [self.construct_object(item, deep=True) for item in node.value]

    def boolean(self, node: yaml.ScalarNode) -> bool:
        """Return a boolean."""
        return _TRUE.fullmatch(node.value) is not None

    def integer(self, node: yaml.ScalarNode) -> float | str:
        """Return a whole number; what `number` makes of it beyond 64 bits."""
        text = node.value.replace("_", "")
        digits = text.lstrip("+-").lower()
        if len(digits) > _LONGEST and digits[:2] not in _BASES:
            # Python makes no whole number of very many digits.
            return self.number(node)
        base = _BASES.get(digits[:2], 8 if digits.startswith("0") else 10)
        number = int(digits.removeprefix(digits[:2]) if digits[:2] in _BASES else digits, base)
        number = -number if text.startswith("-") else number
        if -_MOST // 2 <= number < _MOST:
            return number
        return node.value if digits[:2] in _BASES else self.number(node)

    def number(self, node: yaml.ScalarNode) -> float | str:
        """Return a number; the text itself when it is too large for one."""
        text = node.value.replace("_", "").lower()
        if text.endswith((".inf", ".nan")):
            return float(text.replace(".", ""))
        value = float(text)
        return node.value if math.isinf(value) else value

    def _key(self, node: yaml.Node) -> str:
        if not isinstance(node, yaml.ScalarNode):
            raise _fault("a list or a mapping stands where a field's name should", node)
        key = self.construct_object(node)
        if key is None:
            raise _fault("a field has no name", node)
        if isinstance(key, bool):
            return "true" if key else "false"
        return str(key)


class Dumper(yaml.SafeDumper):
    """Writes YAML that PyYAML and go-yaml read alike: text that either takes for something else is in quotes, and what
    occurs twice is written twice.
    """

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML asks it of each value
        """Return whether to write a value out that was written before."""
        return True


for _tag, _pattern, _first in _PLAIN:
    for _class in (_Loader, Dumper):
        _class.add_implicit_resolver(
            f"{_TAG}{_tag}", re.compile(f"(?:{_pattern})\\Z"), [*_first, *([""] if _tag == "null" else [])]
        )
_Loader.add_constructor(f"{_TAG}map", _Loader.mapping)
_Loader.add_constructor(f"{_TAG}seq", _Loader.sequence)
_Loader.add_constructor(f"{_TAG}bool", _Loader.boolean)
_Loader.add_constructor(f"{_TAG}int", _Loader.integer)
_Loader.add_constructor(f"{_TAG}float", _Loader.number)


def read_documents(text: str) -> list[Any]:
    """Return the documents of a YAML text, empty ones left out; raises ValueError that says where it is no YAML."""
    try:
        # As kubectl tells them apart. YAML's indentation knows no tabs, JSON's does.
        documents = _json(text) if text.lstrip().startswith("{") else None
        if documents is None:
            documents = [document for document in yaml.load_all(text, Loader=_Loader) if document is not None]
    # A value that its own tag does not fit, `!!int a`, is a ValueError to PyYAML.
    except (yaml.YAMLError, ValueError) as error:
        raise ValueError(f"is not YAML: {' '.join(str(error).split())}") from error
    except RecursionError as error:
        raise ValueError("is not a resource: it is nested too deeply") from error
    if _size(documents, {}) > _MOST_VALUES:
        raise ValueError(f"is not a resource: with aliases written out it has more than {_MOST_VALUES:,} values")
    return documents


def _json(text: str) -> list[Any] | None:
    """Return the document of a JSON text, None for any other text."""
    try:
        return [json.loads(text, object_pairs_hook=_unique)]
    except json.JSONDecodeError:
        return None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the field {next(name for name in names if names.count(name) > 1)!r} is given twice")
    return fields


def write_document(document: Any) -> str:
    """Return YAML that `read_documents` reads back as `document`; the same text whatever the order of its fields."""
    text: str = yaml.dump(document, Dumper=Dumper, allow_unicode=True)
    return text


def _size(value: Any, known: dict[int, int]) -> int:
    """Return how many values there are in `value`, one that is met again by an alias counted again."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if id(value) not in known:
        known[id(value)] = 1 + sum(_size(item, known) for item in inner)
    return known[id(value)]
