"""`validate` and `crd`."""

from __future__ import annotations

from pathlib import Path

import click

from logpipeline.api.crd import crd_text
from logpipeline.api.reading import load
from logpipeline.plain import say, write
from logpipeline.rules import rule_of

resource_file = click.option(
    "-f", "--file", "path", required=True, type=click.Path(path_type=Path), help="The LogPipeline resource (YAML)."
)


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
        when = (
            "every window" if rule.threshold is None else f"> {rule.threshold:g}, {'early' if rule.early else 'final'}"
        )
        say(f"{goal.name:<{width}}  {rule.meaning()}; {when} → {topics[f'goal {goal.name}'].name}")
    say(f"{path}: {pipeline.name} is valid")


@click.command()
def crd() -> None:
    """Print the CustomResourceDefinition, generated from the models."""
    write(crd_text())
