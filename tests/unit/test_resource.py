"""The resource as users write it: what it comes to mean, and what is said of one that does not hold together."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from logpipeline.api import load, parse
from logpipeline.api.base import format_duration, parse_duration
from logpipeline.api.crd import custom_resource_definition
from logpipeline.api.presets import PRESETS
from logpipeline.errors import ResourceError
from logpipeline.rules import rule_of

SAMPLES = Path(__file__).parents[2] / "manifests" / "samples"
GOAL = {"name": "a", "groupBy": ["host"], "window": {"size": "10s"}}
RESOURCE: dict[str, Any] = {
    "apiVersion": "logpipeline.dev/v1alpha1",
    "kind": "LogPipeline",
    "metadata": {"name": "p"},
    "spec": {"kafka": {"managed": {}}, "goals": [GOAL]},
}


def changed(path: str, value: Any) -> dict[str, Any]:
    """RESOURCE with the value at a path such as `spec.goals.0.window` set."""
    resource = copy.deepcopy(RESOURCE)
    node: Any = resource
    *parents, last = path.split(".")
    for part in parents:
        node = node[int(part)] if part.isdigit() else node.setdefault(part, {})
    node[int(last) if last.isdigit() else last] = value
    return resource


def goal(**changes: Any) -> dict[str, Any]:
    return changed("spec.goals.0", {**GOAL, **changes})


# A resource, and the one line that is said of it.
FAULTS: dict[str, tuple[Any, str]] = {
    "not a resource": ([], "is not a resource but list; it starts with `apiVersion: logpipeline.dev/v1alpha1`"),
    "another kind": (
        {"apiVersion": "v1", "kind": "Pod"},
        "is v1 Pod, not logpipeline.dev/v1alpha1 LogPipeline; correct apiVersion and kind",
    ),
    "a misspelt field": (changed("spec.sorce", {}), "spec.sorce: unknown field; did you mean 'source'?"),
    "a misspelt field deep inside": (
        changed("spec.source.topic.partitons", 3),
        "spec.source.topic.partitons: unknown field; did you mean 'partitions'?",
    ),
    "a field of nowhere": (
        changed("spec.kafka.managed.colour", "red"),
        "spec.kafka.managed.colour: unknown field; known fields: image, resources, pod, replicas, storage, port, config",
    ),
    "an unknown preset": (
        goal(preset="client-rte"),
        "spec.goals[0].preset: 'client-rte' is not one of 'client-rate', 'host-errors', 'country-success', "
        "'host-latency' or 'status-counts'; did you mean 'client-rate'?",
    ),
    "no goals": (changed("spec.goals", []), "spec.goals: list should have at least 1 item after validation, not 0"),
    "a goal without a rule": (
        changed("spec.goals.0", {"name": "a"}),
        "spec.goals[0]: groupBy is missing; give it, or a preset (client-rate, host-errors, country-success, "
        "host-latency, status-counts) that has it",
    ),
    "two goals of one name": (
        changed("spec.goals", [GOAL, GOAL]),
        "spec: goals: the name 'a' is given twice; every goal needs its own",
    ),
    "a name that is no label": (
        goal(name="A_b"),
        "spec.goals[0].name: 'A_b' is not a DNS label; use small letters, digits and hyphens, the first and last no hyphen",
    ),
    "a slide larger than the window": (
        goal(window={"size": "10s", "slide": "20s"}),
        "spec.goals[0].window: slide is larger than size, so records between two windows would be lost; make it at "
        "most size",
    ),
    "a slide that does not divide": (
        goal(window={"size": "10s", "slide": "3s"}),
        "spec.goals[0].window: slide does not divide size; choose a slide that goes into size without rest",
    ),
    "a boolean where text is meant": (
        goal(where=[{"field": "country", "in": ["DK", False]}]),
        "spec.goals[0].where[0].in[1]: False is a boolean, as YAML reads y, n, yes, no, on, off, true and false; write it in "
        "quotes",
    ),
    "a boolean for a name": (
        goal(groupBy=[True]),
        "spec.goals[0].groupBy[0]: true is a boolean, as YAML reads y, n, yes, no, on and off, not text; write it in quotes",
    ),
    "a number in quotes": (
        changed("spec.source.topic.partitions", "4"),
        "spec.source.topic.partitions: '4' is text, not a whole number; leave the quotes out",
    ),
    "a boolean in quotes": (
        changed("spec.suspend", "yes"),
        "spec.suspend: 'yes' is text, not a boolean; write true or false",
    ),
    "a threshold that is no number": (
        goal(having={"greaterThan": float("nan")}),
        "spec.goals[0].having.greaterThan: nan is not a number that JSON knows; write a finite one",
    ),
    "a rate without end": (
        changed("spec.source.generator", {"ratePerSecond": float("inf")}),
        "spec.source.generator.ratePerSecond: inf is not a number that JSON knows; write a finite one",
    ),
    "a field in snake case": (
        goal(group_by=["host"]),
        "spec.goals[0].group_by: unknown field; did you mean 'groupBy'?",
    ),
    "a sign that moves the cursor": (
        changed("spec.a\x1b[2Jb", 1),
        "spec.a\\x1b[2Jb: unknown field; known fields: suspend, deletePolicy, source, kafka, goals, spark, sink, alerting, "
        "lake, reports, console, networkPolicy",
    ),
    "a key with the name of a result's field": (
        goal(groupBy=["host", "window_start"]),
        "spec.goals[0].groupBy: 'window_start': a result has a field of this name itself (goal, window_start, window_end, "
        "count, or its value such as sum_bytes); map the record's field to a column in source.fields, and group by that "
        "column",
    ),
    "a column that the format cannot carry": (
        {
            **RESOURCE,
            "spec": {
                **RESOURCE["spec"],
                "source": {"format": "combined"},
                "goals": [{**GOAL, "groupBy": ["clientip"]}],
            },
        },
        "spec.goals[0].groupBy[0]: 'clientip' is not a column of format combined; did you mean 'client_ip'? (it has "
        "client_ip, method, path, protocol, status, bytes, referrer, user_agent)",
    ),
    "a preset whose columns the format cannot carry": (
        {
            **RESOURCE,
            "spec": {
                **RESOURCE["spec"],
                "source": {"format": "common"},
                "goals": [{"name": "a", "preset": "host-latency"}],
            },
        },
        "spec.goals[0]: preset host-latency needs host and request_time, which format common does not carry; use format "
        "json, or write a rule of client_ip, method, path, protocol, status, bytes",
    ),
    "no duration": (
        goal(window={"size": "10"}),
        "spec.goals[0].window.size: '10' is not a duration; write a number and a unit (d, h, m, s, ms), the largest "
        "first, for example 30s or 1h30m",
    ),
    "a window of milliseconds": (
        goal(window={"size": "500ms"}),
        "spec.goals[0].window: size: windows are whole seconds, at least 1s",
    ),
    "two aggregates": (
        goal(aggregate={"count": {}, "sum": {"field": "bytes"}}),
        "spec.goals[0].aggregate: give exactly one of count, sum, avg, min, max, p95 (given: count sum)",
    ),
    "a condition without an operator": (
        goal(where=[{"field": "status"}]),
        "spec.goals[0].where[0]: give exactly one of equals, in, notIn, prefix, between, greaterThan, lessThan (given: none)",
    ),
    "a range upside down": (
        goal(where=[{"field": "status", "between": [499, 400]}]),
        "spec.goals[0].where[0]: between: the first number is greater than the second; write the lowest first",
    ),
    "early without a threshold": (
        goal(emit="early"),
        "spec.goals[0]: emit: early needs having: without a threshold nothing can be passed early; use emit: final",
    ),
    "early with a mean": (
        goal(emit="early", having={"greaterThan": 1}, aggregate={"avg": {"field": "request_time"}}),
        "spec.goals[0]: emit: early needs aggregate count, the only one that never falls again; use emit: final",
    ),
    "a count below zero": (
        goal(having={"greaterThan": -1}),
        "spec.goals[0]: having.greaterThan: a count is never below 0; use 0 or more, or leave having out",
    ),
    "no rule": (
        goal(having={}),
        "spec.goals[0].having: give greaterThan, timesPrevious, or both; a goal without having is a metric",
    ),
    "windows that nothing is compared with": (
        goal(having={"greaterThan": 1, "over": 6}),
        "spec.goals[0].having: over says how many windows timesPrevious compares with; give timesPrevious, or leave over out",
    ),
    "early with a comparison": (
        goal(emit="early", having={"timesPrevious": 3}),
        "spec.goals[0]: emit: early has no windows to compare with: how a window stands to those before it is known when "
        "it closes; use emit: final, or leave timesPrevious out",
    ),
    "state without end": (
        goal(window={"size": "1h", "slide": "1s"}, having={"timesPrevious": 3}),
        "spec.goals[0]: over windows of this size hold more than 20000 times slide, and state so much of each key; make "
        "slide larger or over smaller",
    ),
    "neither managed nor external": (
        changed("spec.kafka", {}),
        "spec.kafka: give exactly one of managed, external (given: none)",
    ),
    "no port": (
        changed("spec.kafka", {"external": {"bootstrapServers": "kafka"}}),
        "spec.kafka.external.bootstrapServers: 'kafka' is not a list of brokers; write host:port, several with commas between",
    ),
    "SASL without a secret": (
        changed("spec.kafka", {"external": {"bootstrapServers": "k:1", "security": {"protocol": "SASL_SSL"}}}),
        "spec.kafka.external.security: protocol SASL_SSL needs secretRef: the Secret that holds username and password",
    ),
    "a column that is not ours": (
        changed("spec.source.fields", {"ip": "remote_ip"}),
        "spec.source: fields: a key is not a column; use one of bytes, client_ip, country, host, method, path, "
        "protocol, referrer, request, request_time, server, status, user_agent (given: ip)",
    ),
    "fields for a text format": (
        changed("spec.source", {"format": "combined", "fields": {"host": "vhost"}}),
        "spec.source: fields and timestamp are for format json; the text formats fix their own columns, leave fields and "
        "timestamp out",
    ),
    "made-up traffic of another format": (
        changed("spec.source", {"format": "common", "generator": {}}),
        "spec.source: generator: writes plain JSON records; leave it out where format, fields or timestamp differ",
    ),
    "one topic for two uses": (
        changed("spec.source.topic.name", "p.a"),
        "resource: topic p.a has two uses, raw and goal a; give one of them another name",
    ),
    "a retention of hours": (
        changed("spec.sink", {"elasticsearch": {"managed": {}, "retention": "36h"}}),
        "spec.sink.elasticsearch: retention: indices are removed by the day; write whole days, for example 7d",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_fault_names_field_value_and_remedy(name: str) -> None:
    resource, expected = FAULTS[name]
    with pytest.raises(ResourceError) as error:
        parse(resource)
    assert error.value.faults == [expected]


def test_several_faults_are_all_told() -> None:
    with pytest.raises(ResourceError) as error:
        parse(goal(name="A", window={"size": "x"}, colour="red"))
    assert len(error.value.faults) == 3


# The text of a file, and what is said of it after its name.
FILES = {
    "": "holds 0 LogPipelines; give a file with exactly one",
    "a: 1\n---\nb: 2\n": "holds 0 LogPipelines; give a file with exactly one",
    "kind: LogPipeline\n---\nkind: LogPipeline\n": "holds 2 LogPipelines; give a file with exactly one",
    "metadata:\n  name: {{ .Release.Name }}\n": "is a template, not YAML; render it first, as `helm template` does",
    "{{- if .Values.pipeline }}\nkind: LogPipeline\n{{- end }}\n": "is a template, not YAML; render it first",
    "? [a]\n: 1\n": "is not YAML: a list or a mapping stands where a field's name should in",
    "a: &a [*a]\n": "is not YAML: found unconstructable recursive node in",
    "a log\n" * (1 << 20): "is larger than any resource (3 MiB); is it a log?",
    '{"a":' * 200_000: "is not a resource: it is nested too deeply",
    "[" * 5000: "is not a resource: it is nested too deeply",
    "\n".join(["a0: &a0 [x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9))]): (
        "is not a resource: with aliases written out it has more than 1,000,000 values"
    ),
    "a: [": "is not YAML: while parsing a flow node expected the node content",
    "kind: a\nkind: b\n": "is not YAML: the field 'kind' is given twice in",
}


@pytest.mark.parametrize("text", FILES)
def test_unusable_file(tmp_path: Path, text: str) -> None:
    path = tmp_path / "pipeline.yaml"
    path.write_text(text)
    with pytest.raises(ResourceError) as error:
        load(path)
    assert error.value.faults[0].startswith(f"{path}: {FILES[text]}")


def test_presets_of_the_sample() -> None:
    pipeline = load(SAMPLES / "nginx.yaml")
    rules = {one.name: rule_of(one) for one in pipeline.spec.goals}
    assert list(rules) == [name for name in PRESETS if name != "status-counts"]
    rate, errors, success, latency = rules.values()
    assert (rate.group_by, rate.size, rate.slide, rate.threshold, rate.early) == (("client_ip",), 20, 1, 10, True)
    assert (errors.group_by, errors.size, errors.slide, errors.threshold, errors.early) == (("host",), 30, 1, 15, True)
    assert (success.group_by, success.size, success.threshold, success.early) == (("country",), 60, None, False)
    assert (latency.value_name, latency.size, latency.threshold, latency.early) == ("avg_request_time", 60, None, False)
    assert [topic.name for use, topic in pipeline.topics().items() if use.startswith("goal")] == [
        "goal1-topic", "goal2-topic", "goal3-topic", "goal4-topic",
    ]  # fmt: skip
    assert pipeline.topics()["raw"].name == pipeline.index() == "test-inter"


def test_counts_by_status_are_a_metric() -> None:
    rule = rule_of(parse(changed("spec.goals.0", {"name": "a", "preset": "status-counts"})).spec.goals[0])
    assert (rule.group_by, rule.size, rule.slide, rule.value_name) == (("status",), 300, 300, "count")
    assert (rule.where, rule.detects, rule.early, rule.kept) == ((), False, False, 300)


@pytest.mark.parametrize(
    ("having", "limit", "early", "kept"),
    [
        (None, None, False, 10),
        ({"greaterThan": 10}, "10", True, 10),
        ({"timesPrevious": 3}, "3 × the mean of the 6 windows before", False, 70),
        ({"timesPrevious": 0.5, "over": 1}, "0.5 × that of the window before", False, 20),
        ({"greaterThan": 2, "timesPrevious": 3, "over": 2}, "2 and 3 × the mean of the 2 windows before", False, 30),
    ],
)
def test_what_a_result_is_more_than(having: dict[str, Any] | None, limit: str | None, early: bool, kept: int) -> None:
    rule = rule_of(parse(goal(having=having)).spec.goals[0])
    assert (rule.limit, rule.detects, rule.early, rule.kept) == (limit, having is not None, early, kept)


def test_an_explicit_field_wins_over_the_preset() -> None:
    rule = rule_of(
        parse(changed("spec.goals.0", {"name": "a", "preset": "client-rate", "groupBy": ["host"]})).spec.goals[0]
    )
    assert (rule.group_by, rule.size, rule.threshold) == (("host",), 20, 10)


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.yaml")), ids=lambda path: path.name)
def test_samples_are_valid(path: Path) -> None:
    assert load(path).spec.goals


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.yaml")), ids=lambda path: path.name)
def test_a_document_is_read_back_as_what_it_was(path: Path) -> None:
    pipeline = load(path)
    again = parse(yaml.safe_load(yaml.safe_dump(pipeline.document())))
    without_presets = [goal.model_copy(update={"preset": None}) for goal in pipeline.spec.goals]
    assert again.spec == pipeline.spec.model_copy(update={"goals": without_presets})


def test_null_takes_nothing_out_of_a_preset() -> None:
    """The API server prunes it, so a file must not mean something else by it."""
    pipeline = parse(changed("spec.goals.0", {"name": "a", "preset": "client-rate", "having": None}))
    assert rule_of(pipeline.spec.goals[0]).threshold == 10


@pytest.mark.parametrize(("text", "seconds"), [("500ms", 0.5), ("90s", 90), ("1h30m", 5400), ("7d", 604800), ("0s", 0)])
def test_durations(text: str, seconds: float) -> None:
    duration = parse_duration(text)
    assert duration.total_seconds() == seconds
    assert parse_duration(format_duration(duration)) == duration


def test_crd_is_a_structural_schema() -> None:
    """What Kubernetes asks of one (a real API server says the last word, in the operator's tests)."""
    crd = custom_resource_definition()
    assert crd["metadata"]["name"] == "logpipelines.logpipeline.dev"
    assert crd["spec"]["names"]["shortNames"] == ["lpl"]

    def check(schema: dict[str, Any], path: str) -> None:
        assert "type" in schema or "x-kubernetes-int-or-string" in schema, path
        assert not {"$ref", "anyOf", "const", "title"} & schema.keys(), path
        for name, part in schema.get("properties", {}).items():
            check(part, f"{path}.{name}")
            assert part.get("description") or path in ("", ".metadata"), f"{path}.{name} has no description"
        for part in (schema.get("items"), schema.get("additionalProperties")):
            if isinstance(part, dict):
                check(part, f"{path}[]")

    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    check(schema, "")
    source = schema["properties"]["spec"]["properties"]["source"]["properties"]
    assert source["allowedLateness"]["default"] == "5s"
    assert yaml.safe_load(yaml.safe_dump(crd)) == crd
