"""Asks the lake's writer how far it is."""

from __future__ import annotations

from logpipeline.progress import read_tables
from logpipeline.web import RefusedError, fetch_json
from logpipeline_operator.observe.facts import Fault, FaultKind, LakeFacts
from logpipeline_operator.observe.faults import http_fault

_SECONDS = 2.0
_WHO = "the lake's writer"


def observe_lake(url: str) -> LakeFacts:
    """Return what the writer at the base `url` reports of its tables, or why it does not answer."""
    try:
        tables = read_tables(fetch_json(f"{url}/progress", timeout=_SECONDS))
    except OSError as error:
        return LakeFacts(http_fault(error, _WHO, url))
    except (RefusedError, ValueError, KeyError, TypeError, AttributeError):
        return LakeFacts(Fault(FaultKind.UNREACHABLE, f"{_WHO} at {url} answers and reports no progress"))
    return LakeFacts(tables={table.table: table for table in tables})
