"""From YAML to a LogPipeline, with errors that name the field, the value and the remedy."""

from __future__ import annotations

import difflib
import types
import typing
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from logpipeline.api.resource import API_VERSION, KIND, LogPipeline
from logpipeline.errors import ResourceError


class _UniqueKeyLoader(yaml.SafeLoader):
    """YAML says keys are unique, PyYAML lets the last one win: a field written twice would be lost without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the field {key!r} is given twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


def load(path: Path) -> LogPipeline:
    """Return the one LogPipeline in the YAML file `path`; raises ResourceError."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ResourceError([f"{path}: cannot read the resource: {error.strerror}"]) from error
    except UnicodeDecodeError as error:
        raise ResourceError([f"{path}: is not UTF-8 text (byte {error.start}); is it a resource?"]) from error
    try:
        documents = [document for document in yaml.load_all(text, Loader=_UniqueKeyLoader) if document is not None]
    except yaml.YAMLError as error:
        raise ResourceError([f"{path}: is not YAML: {' '.join(str(error).split())}"]) from error
    if len(documents) != 1:
        raise ResourceError([f"{path}: holds {len(documents)} resources; give a file with exactly one {KIND}"])
    try:
        return parse(documents[0])
    except ResourceError as error:
        raise ResourceError([f"{path}: {fault}" for fault in error.faults]) from error


def parse(document: Any) -> LogPipeline:
    """Return the LogPipeline that a decoded document holds; raises ResourceError with a line a fault."""
    if not isinstance(document, dict):
        raise ResourceError(
            [f"is not a resource but {type(document).__name__}; it starts with `apiVersion: {API_VERSION}`"]
        )
    if document.get("kind") != KIND or document.get("apiVersion") != API_VERSION:
        got = f"{document.get('apiVersion')} {document.get('kind')}"
        raise ResourceError([f"is {got}, not {API_VERSION} {KIND}; correct apiVersion and kind"])
    try:
        return LogPipeline.model_validate(document)
    except ValidationError as error:
        raise ResourceError([_describe(fault) for fault in error.errors()]) from error


def _describe(fault: ErrorDetails) -> str:
    path, where = _path(fault["loc"]), fault["loc"]
    match fault["type"]:
        case "extra_forbidden":
            known = _field_names(where[:-1])
            near = difflib.get_close_matches(str(where[-1]), known, n=1, cutoff=0.6)
            remedy = f"did you mean {near[0]!r}?" if near else f"known fields: {', '.join(known)}"
            return f"{path}: unknown field; {remedy}"
        case "missing":
            return f"{path}: is missing; add it"
        case "literal_error":
            allowed = str(fault["ctx"]["expected"])
            near = difflib.get_close_matches(
                str(fault["input"]), allowed.replace("'", "").replace(" or ", ", ").split(", "), n=1
            )
            return f"{path}: {fault['input']!r} is not one of {allowed}" + (
                f"; did you mean {near[0]!r}?" if near else ""
            )
        case "value_error":
            message = str(fault["ctx"]["error"])
            value = fault["input"]
            return f"{path}: {value!r} {message}" if message.startswith("is ") else f"{path}: {message}"
        case _:
            message = fault["msg"][0].lower() + fault["msg"][1:]
            value = fault["input"]
            return f"{path}: {value!r}: {message}" if isinstance(value, str | int | float) else f"{path}: {message}"


def _path(location: tuple[int | str, ...]) -> str:
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text or "resource"


def _field_names(location: tuple[int | str, ...]) -> list[str]:
    """Return the names that the model at `location` of the resource knows."""
    model: Any = LogPipeline
    for part in location:
        if isinstance(part, str):
            field = next(field for name, field in model.model_fields.items() if (field.alias or name) == part)
            model = _model_in(field.annotation)
    return [field.alias or name for name, field in model.model_fields.items()]


def _model_in(annotation: Any) -> Any:
    """Return the model class inside `X | None`, `list[X]` or `Annotated[X, …]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    arguments = [argument for argument in typing.get_args(annotation) if argument is not types.NoneType]
    return next((found for argument in arguments if (found := _model_in(argument))), None)
