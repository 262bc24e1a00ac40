"""From YAML, or from what the API server stores, to a LogPipeline.

A file is read strictly: what `validate` accepts the API server accepts, and the other way round. What is stored already
is read leniently, for whoever runs it must not stop it: fields of a newer version are named and ignored, and what is
only to no purpose (`logpipeline.api.goal_fields`) is named.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from logpipeline.api.documents import read_documents
from logpipeline.api.faults import describe, path_of, printable
from logpipeline.api.goal_fields import objections
from logpipeline.api.resource import API_VERSION, KIND, LogPipeline
from logpipeline.errors import ResourceError

# The greatest whole number that every reader of JSON holds exactly.
_EXACT = 2**53 - 1
# The API server takes no larger request.
_MOST_BYTES = 3 << 20


@dataclass(frozen=True)
class Stored:
    """A resource as the API server stores it.

    `unknown` are the paths of the fields that this version does not know, `objections` what `load` would refuse of it
    and can run all the same.
    """

    pipeline: LogPipeline
    unknown: tuple[str, ...]
    objections: tuple[str, ...]


def load(path: Path) -> LogPipeline:
    """Return the one LogPipeline in the YAML file `path`, which a person has written; raises ResourceError."""
    return _load(path, parse)


def load_accepted(path: Path) -> LogPipeline:
    """Return the LogPipeline in the file `path`, which the operator or `up` has written for one of its components;
    raises ResourceError.
    """
    return _load(path, lambda document: _read(document, ignore_unknown=False).pipeline)


def parse(document: Any) -> LogPipeline:
    """Return the LogPipeline that a decoded document holds; raises ResourceError with a line a fault."""
    read = _read(document, ignore_unknown=False)
    if read.objections:
        raise ResourceError(list(read.objections))
    return read.pipeline


def parse_stored(document: Any) -> Stored:
    """Return the LogPipeline that the API server stores as `document`, and what is to be said of it; raises
    ResourceError with a line a fault where it does not hold together.
    """
    return _read(document, ignore_unknown=True)


def _read(document: Any, *, ignore_unknown: bool) -> Stored:
    if not isinstance(document, dict):
        raise ResourceError(
            [f"is not a resource but {type(document).__name__}; it starts with `apiVersion: {API_VERSION}`"]
        )
    if document.get("kind") != KIND or document.get("apiVersion") != API_VERSION:
        got = printable(f"{document.get('apiVersion')} {document.get('kind')}")
        raise ResourceError([f"is {got}, not {API_VERSION} {KIND}; correct apiVersion and kind"])
    document, unknown = _whole_numbers(document), set[tuple[int | str, ...]]()
    while True:
        try:
            pipeline = LogPipeline.model_validate(document, by_alias=True, by_name=False)
        except ValidationError as error:
            faults = error.errors()
            fresh = {fault["loc"] for fault in faults if fault["type"] == "extra_forbidden"}
            if not ignore_unknown or not fresh:
                raise ResourceError([describe(fault, LogPipeline) for fault in faults]) from error
            document = _without(document, fresh)
            unknown |= fresh
        else:
            paths = tuple(sorted(printable(path_of(location)) for location in unknown))
            return Stored(pipeline, paths, tuple(objections(pipeline)))


def _load(path: Path, read: Callable[[Any], LogPipeline]) -> LogPipeline:
    try:
        with path.open("rb") as file:
            raw = file.read(_MOST_BYTES + 1)
        text = raw.decode("utf-8-sig")
    except OSError as error:
        raise ResourceError([f"{path}: cannot read the resource: {error.strerror}"]) from error
    except UnicodeDecodeError as error:
        raise ResourceError([f"{path}: is not UTF-8 text (byte {error.start}); is it a resource?"]) from error
    if len(raw) > _MOST_BYTES:
        raise ResourceError([f"{path}: is larger than any resource ({_MOST_BYTES >> 20} MiB); is it a log?"])
    try:
        documents = read_documents(text)
    except ValueError as error:
        if "{{" in text:
            raise ResourceError(
                [f"{path}: is a template, not YAML; render it first, as `helm template` does"]
            ) from None
        raise ResourceError([f"{path}: {error}"]) from error
    ours = (
        [one for one in documents if isinstance(one, dict) and one.get("kind") == KIND] if documents[1:] else documents
    )
    if len(ours) != 1:
        raise ResourceError([f"{path}: holds {len(ours)} {KIND}s; give a file with exactly one"])
    try:
        return read(ours[0])
    except ResourceError as error:
        raise ResourceError([f"{path}: {fault}" for fault in error.faults]) from error


def _whole_numbers(value: Any) -> Any:
    """Return a document in which `4.0` is `4`, as it is when kubectl has written it as JSON."""
    match value:
        case dict():
            return {key: _whole_numbers(inner) for key, inner in value.items()}
        case list():
            return [_whole_numbers(inner) for inner in value]
        case float() if value.is_integer() and abs(value) <= _EXACT:
            return int(value)
        case _:
            return value


def _without(document: dict[str, Any], locations: set[tuple[int | str, ...]]) -> dict[str, Any]:
    """Return a copy of `document` without the fields at `locations`."""
    result: Any = copy.deepcopy(document)
    for *parents, last in locations:
        node = result
        for part in parents:
            node = node[part]
        del node[last]
    return dict(result)
