"""The pages of scheduled reports, which the writer of the lake hands out."""

from __future__ import annotations

from typing import Any

from logpipeline.lake.names import PAGE
from logpipeline.plain import size
from logpipeline.web import exchange

_TIMEOUT, _MOST_BYTES = 20.0, 64 << 20
_SHOWN = ("report", "first", "last", "path")
# The page has no script, and none that somebody puts into the lake is run.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; sandbox"
}


def listed(answer: Any) -> list[dict[str, Any]]:
    """Return the pages that the writer lists, the newest first; raises as Python does for an answer of another form."""
    pages = [{**{name: page[name] for name in _SHOWN}, "size": size(page["bytes"])} for page in answer]
    return [page for page in pages if PAGE.fullmatch(page["path"])]


def content(lake: str, path: str) -> tuple[int, bytes]:
    """Return the status and the content of a page, from the writer of the lake at the URL `lake`; raises OSError where
    it does not answer.
    """
    answer = exchange("GET", f"{lake}/reports/{path}", timeout=_TIMEOUT, most=_MOST_BYTES)
    return answer.status, answer.body
