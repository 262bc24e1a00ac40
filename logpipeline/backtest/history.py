"""The history that a command is to read, as its options name it: files, a span of the lake, or the raw topic."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from logpipeline.api import LogPipeline
from logpipeline.backtest.files import LogFile, expanded, size_of
from logpipeline.backtest.logs import Open
from logpipeline.commands import secrets_folder
from logpipeline.errors import LogPipelineError
from logpipeline.lake.place import lake_uri, store_secret
from logpipeline.local.state import state_folder

_MOMENT = click.DateTime(["%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d"])
_OPTIONS = (
    click.option(
        "--input",
        "inputs",
        multiple=True,
        type=click.Path(path_type=Path),
        help="Log file, folder of such, pipe, or - for standard input; gzip, zstd, bzip2, xz and zip are unpacked; "
        "repeatable.",
    ),
    click.option(
        "--lake",
        "span",
        nargs=2,
        type=_MOMENT,
        metavar="FROM TO",
        help="Read the resource's lake instead: the hours of event time from FROM to TO (UTC).",
    ),
    click.option("--topic", is_flag=True, help="Read the resource's raw topic instead: all that it holds now."),
    click.option(
        "--bootstrap-servers",
        "servers",
        help="With --topic: Kafka, host:port with commas between.  [default: the resource's, or that of `up`]",
    ),
    click.option(
        "--state",
        type=click.Path(path_type=Path, file_okay=False),
        help="State folder of `up`, for its Kafka and a lake without a uri.  [default: .logpipeline/NAME]",
    ),
    secrets_folder,
)


@dataclass(frozen=True)
class Given:
    """What the options say; `span` is in UTC, without a zone."""

    inputs: tuple[Path, ...]
    span: tuple[datetime, datetime] | None
    topic: bool
    servers: str | None
    state: Path | None
    secrets: Path | None

    def hours(self) -> tuple[datetime, datetime] | None:
        """Return the first and the last hour of the lake to read, None for another source."""
        return None if self.span is None else (self.span[0].replace(tzinfo=UTC), self.span[1].replace(tzinfo=UTC))


@dataclass(frozen=True)
class History:
    """Logs, each to be opened; `total` is how much there is of them in all, in bytes of files or in records, and None
    where nobody knows. `files` are the paths of its files.
    """

    logs: Sequence[Open]
    total: int | None
    files: Sequence[Path] = ()


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that name a history; the command is called with them as `given`."""

    @functools.wraps(command)
    def with_given(**values: Any) -> Any:
        given = Given(**{name: values.pop(name) for name in Given.__dataclass_fields__})
        return command(given=given, **values)

    return functools.reduce(lambda decorated, option: option(decorated), reversed(_OPTIONS), with_given)


def history(pipeline: LogPipeline, given: Given) -> History:
    """Return the history that the options name; raises LogPipelineError where they name none, or two, or one that
    cannot be read.
    """
    if sum(map(bool, (given.inputs, given.span, given.topic))) != 1:
        raise LogPipelineError("give one of --input LOG…, --lake FROM TO and --topic: what is to be read")
    if given.servers and not given.topic:
        raise LogPipelineError("--bootstrap-servers: is for --topic; give that too, or leave it out")
    folder = state_folder(pipeline, given.state)
    if given.inputs:
        inputs = expanded(given.inputs)
        logs: Sequence[Open] = [functools.partial(LogFile, path) for path in inputs]
        sizes = [size_of(path) for path in inputs]
        known = [size for size in sizes if size is not None]
        total = sum(known) if len(known) == len(sizes) else None
        return History(logs, total, inputs)
    # Files alone need nothing that reads Delta or Kafka.
    if given.topic:
        from logpipeline.backtest.topic import topic_logs  # noqa: PLC0415

        partitions = topic_logs(pipeline, given.servers, folder, given.secrets)
        return History(partitions, sum(log.keywords["size"] for log in partitions))
    from logpipeline.backtest.lake import lake_logs  # noqa: PLC0415

    hours = given.hours()
    assert hours is not None
    spans = lake_logs(lake_uri(pipeline, folder / "lake"), store_secret(pipeline, given.secrets), *hours)
    return History(spans, sum(log.keywords["size"] for log in spans))
