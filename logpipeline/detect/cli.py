"""`detect`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import yaml

from logpipeline.api.goal import Goal
from logpipeline.api.presets import PRESETS
from logpipeline.backtest.files import LogFile
from logpipeline.detect.guess import Guess, guess
from logpipeline.errors import LogPipelineError
from logpipeline.plain import write
from logpipeline.rules import rule_of

_LEAST_SHARE = 0.5


@click.command()
@click.argument("path", metavar="LOG", type=click.Path(path_type=Path))
@click.option(
    "--lines",
    "most",
    type=click.IntRange(1, 1_000_000),
    default=1000,
    show_default=True,
    help="So many first lines are read.",
)
def detect(path: Path, most: int) -> None:
    """Look at the first lines of a log and print the `source` of a resource that reads it.

    Tries the text formats, and for JSON the names that servers and loggers give to fields and times. Exit code 1 when
    less than half of the lines can be read.

    \b
      logpipeline detect access.log
      zcat access.log.1.Z | logpipeline detect -
    """
    lines, arrival_ms = _first(path, most)
    found = guess(lines, arrival_ms)
    write("".join(f"{line}\n" for line in _described(found, len(lines))))
    if found.share < _LEAST_SHARE:
        raise SystemExit(1)


def _first(path: Path, most: int) -> tuple[list[bytes], int]:
    log = LogFile(path)
    lines: list[bytes] = []
    try:
        for block in log.blocks():
            lines += block.values[: most - len(lines)].to_pylist()
            if len(lines) >= most:
                break
    finally:
        log.close()
    if not lines:
        raise LogPipelineError(f"{log.name}: has no line")
    return lines, log.modified_ms


def _described(found: Guess, count: int) -> Iterator[str]:
    """Yield a block to paste, with comments about how well it fits."""
    read = f"{found.share:.1%} of {count:,} lines"
    if found.share < _LEAST_SHARE:
        yield f"# no format fits: the best reads {read}"
    else:
        yield f"# reads {read}"
        yield f"# columns: {', '.join(found.columns) or 'none'}"
    for name in PRESETS:
        rule = rule_of(Goal(name=name, preset=name))
        if missing := [field for field in rule.fields if field not in found.columns]:
            yield f"# the preset {name} needs what is not there: {', '.join(missing)}"
    guessed = {"fields", "timestamp"}
    document = found.source.model_dump(mode="json", by_alias=True, exclude_defaults=True, include=guessed)
    source = {"format": found.source.format, **document}
    yield yaml.safe_dump({"source": source}, sort_keys=False).rstrip()
