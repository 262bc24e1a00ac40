"""`logpipeline kibana`."""

from __future__ import annotations

from pathlib import Path

import click

from logpipeline.api import load
from logpipeline.commands import resource_file
from logpipeline.errors import LogPipelineError
from logpipeline.kibana.objects import ndjson, saved_objects
from logpipeline.names import named
from logpipeline.plain import write


@click.command()
@resource_file
def kibana(path: Path) -> None:
    """Print the data view, searches and dashboard of a resource for Kibana.

    A Kibana that the resource itself asks for has them from the operator. For any other, version 8.19 or newer:

    \b
      logpipeline kibana -f pipeline.yaml > pipeline.ndjson
      curl -H 'kbn-xsrf: true' -F file=@pipeline.ndjson 'http://KIBANA/api/saved_objects/_import?overwrite=true'

    or in Kibana: Stack Management, Saved Objects, Import.

    Of a pipeline on a cluster whose Elasticsearch is external, take the resource with its status, which has the index:

    \b
      kubectl get logpipelines.logpipeline.dev NAME -n NAMESPACE -o yaml > pipeline.yaml
    """
    pipeline = load(path)
    pipeline = named(pipeline, (pipeline.status or {}).get("names") or {})
    if pipeline.spec.sink is None:
        raise LogPipelineError(f"{path}: spec.sink is absent: no record of {pipeline.name} is in Elasticsearch")
    write(ndjson(saved_objects(pipeline)))
