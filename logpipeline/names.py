"""What a pipeline on a cluster is called outside its namespace: on a Kafka or an Elasticsearch that others use too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from logpipeline.api import LogPipeline, parse


def default_names(pipeline: LogPipeline, status: Mapping[str, Any]) -> dict[str, str]:
    """Return the pipeline's name on an external Kafka (`kafka`) and its index on an external Elasticsearch
    (`elasticsearch`) where the resource gives none, to be remembered as `names` of its status.

    A new pipeline is `<namespace>.<name>`; neither part holds a dot, so two never meet. What `status` remembers stays:
    another name has other offsets. A pipeline that ran before names were remembered has its bare name.
    """
    remembered: Mapping[str, str] | None = status.get("names")
    bare = remembered is None and any("rule" in goal for goal in status.get("goals") or [])
    name = pipeline.name if bare else f"{pipeline.metadata.namespace}.{pipeline.name}"
    sink = pipeline.spec.sink
    external = {
        "kafka": pipeline.spec.kafka.external is not None,
        "elasticsearch": sink is not None and sink.elasticsearch.external is not None,
    }
    return {**{part: name for part, is_external in external.items() if is_external}, **(remembered or {})}


def named(pipeline: LogPipeline, names: Mapping[str, str]) -> LogPipeline:
    """Return `pipeline` with the `names` filled in that the resource does not give; raises ResourceError where two
    topics are then one.
    """
    spec = pipeline.spec
    # The bare name is the default of the model.
    given = {part: name for part, name in names.items() if name != pipeline.name}
    changes: dict[str, Any] = {}
    kafka = spec.kafka.external
    if kafka is not None and kafka.pipeline_name is None and "kafka" in given:
        external = kafka.model_copy(update={"pipeline_name": given["kafka"]})
        changes["kafka"] = spec.kafka.model_copy(update={"external": external})
    elasticsearch = spec.sink.elasticsearch if spec.sink else None
    if elasticsearch and elasticsearch.external and elasticsearch.index is None and "elasticsearch" in given:
        indexed = elasticsearch.model_copy(update={"index": given["elasticsearch"]})
        assert spec.sink is not None
        changes["sink"] = spec.sink.model_copy(update={"elasticsearch": indexed})
    if not changes:
        return pipeline
    result = pipeline.model_copy(update={"spec": spec.model_copy(update=changes)})
    parse(result.document())
    return result
