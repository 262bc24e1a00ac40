"""What is wrong with a resource, in words that name the field, the value and the remedy."""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

_IN_QUOTES = "write it in quotes"
# By the kind of Pydantic's error: what is wanted, and the remedy for what is not text.
_WANTED = {
    "string_type": ("text", _IN_QUOTES),
    "int_type": ("a whole number", "write one"),
    "float_type": ("a number", "write one"),
    "bool_type": ("a boolean", "write true or false"),
    "list_type": ("a list", "write an item a line, each behind `- `"),
    "dict_type": ("a mapping", "write its fields below it"),
    "model_type": ("a mapping", "write its fields below it"),
}


def describe(fault: ErrorDetails, root: type[BaseModel]) -> str:
    """Return one line about a fault that Pydantic has found in a document of the model `root`."""
    path, where, value = path_of(fault["loc"]), fault["loc"], fault["input"]
    match fault["type"]:
        case "extra_forbidden":
            known = _field_names(root, where[:-1])
            near = nearest(str(where[-1]), known)
            said = f"unknown field; {near or 'known fields: ' + ', '.join(known)}"
        case "missing":
            said = "is missing; add it"
        case "literal_error":
            allowed = str(fault["ctx"]["expected"])
            near = nearest(str(value), allowed.replace("'", "").replace(" or ", ", ").split(", "))
            said = f"{value!r} is not one of {allowed}" + (f"; {near}" if near else "")
        case "value_error":
            message = str(fault["ctx"]["error"])
            said = f"{value!r} {message}" if message.startswith("is ") else message
        case "finite_number":
            said = f"{value!r} is not a number that JSON knows; write a finite one"
        case kind if kind in _WANTED:
            said = _of_another_type(value, *_WANTED[kind])
        case _:
            message = fault["msg"][0].lower() + fault["msg"][1:]
            said = f"{value!r}: {message}" if isinstance(value, str | int | float) else message
    return printable(f"{path}: {said}")


def path_of(location: Iterable[int | str]) -> str:
    """Return a place in a resource as people write it: `spec.goals[0].window`."""
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text or "resource"


def nearest(word: str, known: Iterable[str]) -> str:
    """Return `did you mean …?` with that of the `known` words that is like `word`; empty when none is."""
    near = difflib.get_close_matches(word, list(known), n=1)
    return f"did you mean {near[0]!r}?" if near else ""


def printable(text: str) -> str:
    """Return `text` with what a terminal would act on, or not show, as an escape."""
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)


def _of_another_type(value: Any, wanted: str, remedy: str) -> str:
    match value:
        case bool():
            return f"{str(value).lower()} is a boolean, as YAML reads y, n, yes, no, on and off, not {wanted}; {remedy}"
        case int() | float():
            return f"{value!r} is a number, not {wanted}; {remedy}"
        case str():
            number = wanted.endswith("number") and value.replace(".", "", 1).lstrip("+-").isdigit()
            return f"{value!r} is text, not {wanted}; {'leave the quotes out' if number else remedy}"
        case None:
            return f"is empty, not {wanted}; {remedy}, or leave the field out"
        case _:
            return f"is a {'list' if isinstance(value, list) else 'mapping'}, not {wanted}; {remedy}"


def _field_names(root: Any, location: tuple[int | str, ...]) -> list[str]:
    """Return the names that the model at `location` knows."""
    model = root
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
