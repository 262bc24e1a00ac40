"""`validate` and `crd`."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from logpipeline.api.base import parse_duration
from logpipeline.api.crd import crd_text
from logpipeline.api.reading import load
from logpipeline.plain import say, write
from logpipeline.rules import rule_of

resource_file = click.option(
    "-f", "--file", "path", required=True, type=click.Path(path_type=Path), help="The LogPipeline resource (YAML)."
)
secrets_folder = click.option(
    "--secrets",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Folder of the Secrets that the resource names: DIR/<secret>/<key>.",
)
lake_state = click.option(
    "--state",
    type=click.Path(path_type=Path, file_okay=False),
    help="State folder of `up`, for a lake without a uri.  [default: .logpipeline/NAME]",
)


def lake_options(resource: Path, state: Path | None, secrets: Path | None) -> list[str]:
    """Return the options by which another command finds the lake that one with these options does."""
    given = (("-f", resource), ("--state", state), ("--secrets", secrets))
    return [word for name, value in given if value is not None for word in (name, str(value))]


class _Duration(click.ParamType[timedelta]):
    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        try:
            duration: timedelta = parse_duration(value)
        except ValueError as error:
            self.fail(f"{value!r} {error}", param, ctx)
        return duration


DURATION = _Duration()


@click.command()
@resource_file
def validate(path: Path) -> None:
    """Check a resource and say what it means.

    Prints one line a goal: what is counted, by what, in which windows, and when it is a result. Exit code 2 and one
    line a fault when the resource does not hold together.
    """
    pipeline = load(path)
    topics = pipeline.topics()
    width = max(len(goal.name) for goal in pipeline.spec.goals)
    for goal in pipeline.spec.goals:
        rule = rule_of(goal)
        when = "every window" if rule.limit is None else f"> {rule.limit}, {'early' if rule.early else 'final'}"
        say(f"{goal.name:<{width}}  {rule.meaning()}; {when} → {topics[f'goal {goal.name}'].name}")
    say(f"{path}: {pipeline.name} is valid")


@click.command()
def crd() -> None:
    """Print the CustomResourceDefinition, generated from the models."""
    write(crd_text())
