"""Rules of the CRD in the Common Expression Language: the API server checks them, so no webhook has to be up.

A rule stands in the model that it guards, beside the validator that says the same where there is no API server. What it
costs is estimated by the API server from the greatest sizes in the schema: every text, list and map that a rule reads
has one, and no message holds a number or a joined list, for the length of such a text counts as endless.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

VALIDATIONS = "x-kubernetes-validations"
# Days first, for CEL does not know them; so few digits that no sum can overflow.
DURATION_PATTERN = r"^([0-9]{1,6}d)?([0-9]{1,6}h)?([0-9]{1,6}m)?([0-9]{1,9}s)?([0-9]{1,9}ms)?$"


@dataclass(frozen=True)
class CelRule:
    """One rule: `rule` is true of a good value, `message` says what is wrong and the remedy.

    `words` is an expression that gives the message where it names values. `field` is the field below the value that
    is at fault. A rule that reads `oldSelf` is checked when a resource is changed.
    """

    name: str
    rule: str
    message: str
    words: str = ""
    field: str = ""

    def schema(self) -> dict[str, str]:
        """Return the rule as it stands in a CRD, and its name, which is taken off there."""
        document = {"name": self.name, "rule": self.rule, "message": self.message}
        if self.words:
            document["messageExpression"] = self.words
        if self.field:
            document["fieldPath"] = f".{self.field}"
        return document


def text(value: str) -> str:
    """Return `value` as a literal of CEL."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def texts(values: Iterable[str]) -> str:
    """Return `values` as a list of CEL."""
    return f"[{', '.join(text(value) for value in values)}]"


def exactly_one(name: str, fields: tuple[str, ...]) -> CelRule:
    """Return the rule that just one of the optional `fields` is given; see `one_of_fault`."""
    # `in` is a word of the language; the API server knows the field by this name.
    given = {field: f"has(self.{'__in__' if field == 'in' else field})" for field in fields}
    head, none, tail = one_of_fault(fields, ["none"]).partition(" none")
    say = [f"({is_given} ? {text(f' {field}')} : '')" for field, is_given in given.items()]
    return CelRule(
        name,
        f"[{', '.join(given.values())}].exists_one(one, one)",
        head.removesuffix(" (given:"),
        f"{text(head)} + {' + '.join(say)} + ({' || '.join(given.values())} ? '' : {text(none)}) + {text(tail)}",
    )


def one_of_fault(fields: tuple[str, ...], given: list[str]) -> str:
    """Return what is said where not just one of `fields` is given."""
    return f"give exactly one of {', '.join(fields)} (given: {' '.join(given) or 'none'})"


def text_is(name: str, test: str, fault: str) -> CelRule:
    """Return the rule that a text passes the expression `test`; the message is the text and `fault`."""
    quote = text("'")
    return CelRule(name, test, fault, f"{quote} + self + {quote} + {text(f' {fault}')}")


def unchanged(field: str) -> str:
    """Return the expression for whether an optional field is as before."""
    new, old = f"self.{field}", f"oldSelf.{field}"
    # Written with `.?`, its length counts as endless, and the rule as too dear.
    return f"has({new}) == has({old}) && (!has({new}) || {new} == {old})"


def fixed(name: str, field: str, message: str) -> CelRule:
    """Return the rule that `field` never changes, be it given or not."""
    return CelRule(name, unchanged(field), message, field=field)


def seconds(duration: str) -> str:
    """Return the expression for the whole seconds of the expression `duration`, a text in the form of DURATION_PATTERN.

    Only days end in a `d`.
    """
    days = f"({duration}.contains('d') ? int({duration}.split('d')[0]) : 0)"
    return f"({days} * 86400 + {_rest(duration)}.getSeconds())"


def is_whole_seconds(duration: str) -> str:
    """Return the expression for whether `duration` has no rest of milliseconds."""
    return f"{_rest(duration)}.getMilliseconds() % 1000 == 0"


def _rest(duration: str) -> str:
    return f"duration('0s' + {duration}.substring({duration}.indexOf('d') + 1))"


def are_durations(*values: str) -> str:
    """Return the expression for whether all `values` have the form of a duration: what has not is told by a rule of its
    own, and cannot be reckoned with.
    """
    return " && ".join(f"{value} != '' && {value}.matches({text(DURATION_PATTERN)})" for value in values)


def at_least(name: str, field: str, least: int, fault: str) -> CelRule:
    """Return the rule that the duration `field` is of `least` seconds or more."""
    value = f"self.{field}"
    return CelRule(name, f"!({are_durations(value)}) || {seconds(value)} >= {least}", fault, field=field)


def checked(*rules: CelRule) -> Any:
    """Return what a field's JSON schema has besides, for `rules` of its value alone."""
    return {VALIDATIONS: [rule.schema() for rule in rules]}


def add_rules(schema: dict[str, Any], rules: Iterable[CelRule]) -> None:
    """Add `rules` to the JSON schema of the value that they guard."""
    if documents := [rule.schema() for rule in rules]:
        schema.setdefault(VALIDATIONS, []).extend(documents)
