"""The history that a command is to read, as its options name it: files, or a span of the lake."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from logpipeline.api import LogPipeline
from logpipeline.backtest.files import LogFile, size_of
from logpipeline.backtest.logs import Open
from logpipeline.commands import lake_state, secrets_folder
from logpipeline.errors import LogPipelineError
from logpipeline.lake.place import lake_uri, store_secret
from logpipeline.local.state import state_folder

_MOMENT = click.DateTime(["%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d"])
_OPTIONS = (
    click.option(
        "--input", "inputs", multiple=True, type=click.Path(path_type=Path), help="Log file, plain or gzip; repeatable."
    ),
    click.option(
        "--lake",
        "span",
        nargs=2,
        type=_MOMENT,
        metavar="FROM TO",
        help="Read the resource's lake instead: the hours of event time from FROM to TO (UTC).",
    ),
    lake_state,
    secrets_folder,
)


@dataclass(frozen=True)
class History:
    """Logs, each to be opened; `total` is how much there is of them in all, in bytes of files or records of a lake."""

    logs: Sequence[Open]
    total: int
    files: Sequence[Path] = ()


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that name a history: `inputs`, `span`, `state`, `secrets`."""
    return functools.reduce(lambda decorated, option: option(decorated), reversed(_OPTIONS), command)


def history(
    pipeline: LogPipeline,
    inputs: Sequence[Path],
    span: tuple[datetime, datetime] | None,
    state: Path | None,
    secrets: Path | None,
) -> History:
    """Return the history that the options name; raises LogPipelineError where they name none, or two, or a lake that
    cannot be read.
    """
    if bool(inputs) == bool(span):
        raise LogPipelineError("give --input LOG… or --lake FROM TO: what is to be read")
    if span is None:
        return History([functools.partial(LogFile, path) for path in inputs], sum(map(size_of, inputs)), inputs)
    # Files alone need nothing that reads Delta.
    from logpipeline.backtest.lake import lake_logs  # noqa: PLC0415

    uri = lake_uri(pipeline, state_folder(pipeline, state) / "lake")
    first, last = (moment.replace(tzinfo=UTC) for moment in span)
    logs = lake_logs(uri, store_secret(pipeline, secrets), first, last)
    return History(logs, sum(log.keywords["size"] for log in logs))
