"""The pages of scheduled reports, in the lake: `report/pages/NAME/FIRST--LAST.html`, by their first and last hour."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from logpipeline.lake.names import PAGE, PAGES
from logpipeline.report.files import LakeFiles

_HOUR = "%Y-%m-%dT%H"


class Pages:
    """The pages of the report `name` in the lake at `uri`; `secret` are the entries of the Secret of its store.

    Its methods raise LogPipelineError when the store cannot be read or written.
    """

    def __init__(self, uri: str, secret: Mapping[str, str], name: str) -> None:
        self._files = LakeFiles(uri, secret)
        self._folder = f"{PAGES}/{name}"

    def write(self, first: datetime, last: datetime, content: bytes) -> str:
        """Store the page about the hours from `first` to `last` in place of one that is there; returns its place."""
        path = f"{self._folder}/{first:{_HOUR}}--{last:{_HOUR}}.html"
        self._files.write(path, content)
        return self._files.named(path)

    def remove_before(self, moment: datetime) -> int:
        """Remove the pages whose last hour began before `moment`, and return how many there were."""
        found = [(path, PAGE.fullmatch(path.removeprefix(f"{PAGES}/"))) for path in self._files.below(self._folder)]
        old = [path for path, page in found if page and _start(page["last"]) < moment]
        for path in old:
            self._files.remove(path)
        return len(old)


def _start(hour: str) -> datetime:
    return datetime.strptime(hour, _HOUR).replace(tzinfo=UTC)
