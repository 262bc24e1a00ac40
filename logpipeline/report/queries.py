"""The SQL that lists the records behind a panel, and the command that runs it.

It is shown and not run. What a client wrote stands in it as text that ends neither the SQL's quotes nor the shell's.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from datetime import date
from itertools import groupby

from logpipeline.keys import beginning_of

_SPECIAL_IN_QUOTES = re.compile(r'["$`\\!]')


def literal(value: str) -> str:
    """Return an SQL expression of a text; what is not printable is in it by number, so that it can be copied."""
    parts: list[str] = []
    for printable, signs in groupby(value, str.isprintable):
        if printable:
            parts.append("'" + "".join(signs).replace("'", "''") + "'")
        else:
            parts += [f"chr({ord(sign)})" for sign in signs]
    return " || ".join(parts) or "''"


def is_value(column: str, value: str | None) -> str:
    """Return the condition that `column`, an expression of ours, has a value as a report shows it."""
    if value is None:
        return f"{column} IS NULL"
    beginning = beginning_of(value)
    if beginning is not None:
        return f"starts_with({column}, {literal(beginning)})"
    return f"{column} = {literal(value)}"


def records(hours: tuple[tuple[date, int], tuple[date, int]], *conditions: str, order: str = "event_time") -> str:
    """Return the query of the first 100 records between two hours that meet `conditions`."""
    between = " AND ".join(f"(DATE '{day}', {hour})" for day, hour in hours)
    where = " AND ".join([f"(date, hour) BETWEEN {between}", *conditions])
    return f"SELECT * FROM raw WHERE {where} ORDER BY {order} LIMIT 100"  # noqa: S608 - shown, and quoted by `literal`


def command(options: Sequence[str], query: str) -> str:
    """Return the command line that runs a query over the lake that `options` name."""
    # Most queries have single quotes, which the shell's own double quotes leave readable.
    quoted = shlex.quote(query) if _SPECIAL_IN_QUOTES.search(query) else f'"{query}"'
    return f"logpipeline sql {shlex.join(options)} {quoted}"
