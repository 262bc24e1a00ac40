"""`logpipeline render`: the objects that the operator would apply, to be read or compared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import yaml

from logpipeline.acceptance import accept
from logpipeline.api import LogPipeline
from logpipeline.api.documents import Dumper
from logpipeline.api.reading import load
from logpipeline.commands import resource_file
from logpipeline.names import default_names, named
from logpipeline.plain import write
from logpipeline_operator.desired import SecretFacts, desired
from logpipeline_operator.desired.secrets import secret_names
from logpipeline_operator.settings import Settings

_UNREAD = "not-read"


class _Dumper(Dumper):
    """Files stand as they are, line by line."""

    def represent_str(self, data: str) -> yaml.ScalarNode:
        return self.represent_scalar("tag:yaml.org,2002:str", data, style="|" if "\n" in data else None)


_Dumper.add_representer(str, _Dumper.represent_str)


@click.command()
@resource_file
def render(path: Path) -> None:
    """Print the Kubernetes objects that a resource becomes.

    They stand in the order in which the operator applies them. The Secrets that the resource names are not read: each
    is taken to hold all that its use needs. Those that the operator generates are left out.
    """
    resource = load(path)
    pipeline = named(resource, default_names(resource, resource.status or {}))
    objects = desired(pipeline, goal_documents(pipeline), Settings(), assumed_secrets(pipeline))
    write(yaml.dump_all(objects, Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True))


def goal_documents(pipeline: LogPipeline) -> dict[str, dict[str, Any]]:
    """Return what each goal's container would read if the pipeline were new, by the goal's name."""
    acceptance = accept(pipeline, {})
    return {goal.name: acceptance.goal_pipeline(goal.name).document() for goal in pipeline.spec.goals}


def assumed_secrets(pipeline: LogPipeline) -> dict[str, SecretFacts]:
    """Return facts of the Secrets that the resource names, as if each held what it is for."""
    facts = {}
    external = pipeline.spec.kafka.external
    if external is not None and external.security.secret_ref is not None:
        protocol = external.security.protocol
        keys = {"username", "password"} if protocol.startswith("SASL") else {"tls.crt", "tls.key"}
        keys |= {"ca.crt"} if protocol.endswith("SSL") else set()
        facts[external.security.secret_ref.name] = SecretFacts(frozenset(keys), _UNREAD)
    for name in secret_names(pipeline):
        facts.setdefault(name, SecretFacts(frozenset(), _UNREAD))
    return facts
