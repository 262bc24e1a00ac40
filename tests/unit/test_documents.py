"""YAML means here what it means to kubectl: go-yaml's plain scalars and merge keys, keys as in JSON, and back again."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from logpipeline.api.documents import read_documents, write_document

# What kubectl makes of each (sigs.k8s.io/yaml v1.6.0, YAMLToJSON), beside PyYAML's answer where that is another one.
PLAIN: dict[str, tuple[Any, str]] = {
    "y": (True, "PyYAML: text"),
    "N": (False, "PyYAML: text"),
    "NO": (False, ""),
    "off": (False, ""),
    "tRue": ("tRue", ""),
    "1e3": (1000.0, "PyYAML: text"),
    "1.5e-3": (0.0015, ""),
    "1.": (1.0, ""),
    ".5": (0.5, ""),
    "12:30:45": ("12:30:45", "PyYAML: 45045"),
    "2024-05-01": ("2024-05-01", "PyYAML: a date"),
    "2024-05-01T10:00:00Z": ("2024-05-01T10:00:00Z", "PyYAML: a moment"),
    "08": (8.0, "PyYAML: text"),
    "017": (15, ""),
    "0o17": (15, "PyYAML: text"),
    "0x1F": (31, ""),
    "-0b11": (-3, ""),
    "1_000": (1000, ""),
    "+5": (5, ""),
    "0xFFFFFFFFFFFFFFFFF": ("0xFFFFFFFFFFFFFFFFF", "PyYAML: a whole number"),
    "1e400": ("1e400", "PyYAML: text"),
    "18446744073709551615": (2**64 - 1, ""),
    "99999999999999999999999": (1e23, "PyYAML: a whole number"),
    "9" * 5000: ("9" * 5000, "PyYAML: a ValueError"),
    "0x_": ("0x_", "PyYAML: a ValueError"),
    "~": (None, ""),
    "": (None, ""),
    "=": ("=", "PyYAML: an error"),
    "!!str 5": ("5", ""),
    "'5'": ("5", ""),
}


@pytest.mark.parametrize("text", PLAIN)
def test_a_plain_value_is_what_kubectl_reads(text: str) -> None:
    value, _ = PLAIN[text]
    (read,) = read_documents(f"a: {text}")
    assert read == {"a": value}
    assert type(read["a"]) is type(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("base: &b {id: a, m: 1}\nuse: {<<: *b, id: b}", {"id": "b", "m": 1}, id="what is written wins"),
        pytest.param(
            "one: &a {id: a}\ntwo: &b {id: b, m: 2}\nuse: {<<: [*a, *b]}", {"id": "a", "m": 2}, id="the first wins"
        ),
        pytest.param(
            "a: &a {id: a}\nb: &b {<<: *a, m: 1}\nuse: {<<: *b, id: c}", {"id": "c", "m": 1}, id="through two"
        ),
        pytest.param("use: {1: a, true: b, 1.5: c}", {"1": "a", "true": "b", "1.5": "c"}, id="keys"),
        pytest.param('{\n\t"use": {"id": 1e3, "b": null}\n}', {"id": 1000.0, "b": None}, id="JSON with tabs"),
        pytest.param("{use: {id: 1}}", {"id": 1}, id="no JSON"),
        pytest.param("use: {'<<': 1}", {"<<": 1}, id="a key in quotes"),
    ],
)
def test_a_mapping_is_what_kubectl_reads(text: str, value: Any) -> None:
    (read,) = read_documents(text)
    assert read["use"] == value


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("base: &b {id: a}\nuse: {id: b, <<: *b}", "a merge key stands behind other fields; write << first"),
        ("use: {<<: 1}", "<< takes a mapping, or a list of them"),
        ("use: {id: 1, 'id': 2}", "the field 'id' is given twice"),
        ('{"id": 1, "id": 2}', "the field 'id' is given twice"),
        ("use: {~: a}", "a field has no name"),
        ("use: !!int a", "is not YAML: invalid literal"),
        ("use: {1: a, '1': b}", "the field '1' is given twice"),
    ],
)
def test_a_mapping_that_readers_do_not_agree_on(text: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        read_documents(text)


def test_what_is_written_every_reader_reads_back() -> None:
    document = {"texts": [*PLAIN, "<<", "null", "a: b", "é\n"], "others": [1, 1.5, 1e20, True, None, {}]}
    text = write_document(document)
    assert read_documents(text) == [document] == [yaml.safe_load(text)]
