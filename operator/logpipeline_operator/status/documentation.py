"""The conditions and their reasons as a page of the documentation: pure."""

from __future__ import annotations

from logpipeline_operator.status.reasons import (
    CONDITION_TYPES,
    FLOW,
    GOALS,
    KAFKA,
    LAKE,
    PROGRESSING,
    READY,
    REASONS,
    SINK,
    TOPICS,
)

_MEANINGS = {
    READY: "Every part is ready: brokers, topics, goals, sink, lake and, where there is one, the generator.",
    PROGRESSING: "Something is being created, rolled out or drained. "
    "A refused change stands here, too, and what of the resource takes no effect.",
    KAFKA: "The brokers serve the pipeline.",
    TOPICS: "The topics exist with the partitions and settings of the resource.",
    GOALS: "Every goal runs and makes progress.",
    SINK: "Elasticsearch, the index, the Connect workers and the connector are ready, and Kibana where there is one.",
    LAKE: "The writer of the lake runs and its tables can be written.",
    FLOW: "Records flow, as the data path itself tells: offsets, lag, tasks, counts. `kubectl get` shows its reason.",
}
_KINDS = {"fault": "somebody has to act", "passing": "ends by itself", "good": "as it should be"}


def conditions_page() -> str:
    """Return the text of docs/conditions.md."""
    lines = [
        "# Conditions of a pipeline",
        "",
        "`kubectl describe logpipelines.logpipeline.dev NAME` shows them; each has a reason, and a message that",
        "names what is concerned. This page is made from the operator's own table (`make conditions-docs`).",
        "",
        "| Condition | True when |",
        "|---|---|",
        *(f"| {kind} | {_MEANINGS[kind]} |" for kind in CONDITION_TYPES),
        "",
        "## Reasons, the most severe first",
        "",
        "Where several things are wrong, a condition shows the reason that stands first here: what stands below is",
        "mostly its consequence. Ready and Progressing repeat the reasons of the parts.",
        "",
        "| Reason | In | What it means | What to do |",
        "|---|---|---|---|",
    ]
    for reason in REASONS:
        remedy = reason.remedy or f"Nothing: {_KINDS[reason.kind]}."
        lines.append(f"| {reason.name} | {', '.join(reason.conditions)} | {reason.meaning} | {remedy} |")
    return "\n".join(lines) + "\n"
