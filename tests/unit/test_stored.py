"""What is stored already is read leniently: an operator that is rolled back meets the fields of a newer CRD."""

from __future__ import annotations

from typing import Any

import pytest

from crd_examples import Changes, resource
from logpipeline.acceptance import RunningGoal, accept
from logpipeline.api import load_accepted, parse, parse_stored
from logpipeline.api.documents import write_document
from logpipeline.api.status import Status
from logpipeline.errors import ResourceError

CONDITION = {"field": "status", "equals": 500, "ignoreCase": True}


@pytest.mark.parametrize(
    ("changes", "unknown"),
    [
        pytest.param({}, (), id="nothing new"),
        pytest.param({"archive": {"managed": {}}}, ("spec.archive",), id="a part"),
        pytest.param(
            {"source.unwrap": "cri", "kafka.managed.tier": 1},
            ("spec.kafka.managed.tier", "spec.source.unwrap"),
            id="two",
        ),
        pytest.param({"goals.0.where": [CONDITION]}, ("spec.goals[0].where[0].ignoreCase",), id="in a list"),
        pytest.param(
            {"sink.elasticsearch.managed.kibana": {"theme": None}},
            ("spec.sink.elasticsearch.managed.kibana.theme",),
            id="null",
        ),
        pytest.param({"spark.pod.affinity": {"new": 1}}, (), id="what may be anything"),
    ],
)
def test_unknown_fields_are_named_and_ignored(changes: Changes, unknown: tuple[str, ...]) -> None:
    document = resource(changes)
    stored = parse_stored(document)
    assert (stored.unknown, stored.objections) == (unknown, ())
    assert document == resource(changes), "the document itself stays as it is"
    if unknown:
        with pytest.raises(ResourceError) as error:
            parse(document)
        assert all("unknown field" in fault for fault in error.value.faults)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"source.format": "otlp", "source.unwrap": "cri"}, "spec.source.format: 'otlp' is not one of 'json'"),
        ({"source.topic.partitions": {"of": "each"}, "archive": {}}, "spec.source.topic.partitions: is a mapping, not a whole"),
        ({"goals.0.where": [{"field": "path", "suffix": ".php"}]}, "spec.goals[0].where[0]: give exactly one of equals"),
    ],
)  # fmt: skip
def test_a_value_that_is_not_known_stays_an_error(changes: Changes, fault: str) -> None:
    with pytest.raises(ResourceError) as error:
        parse_stored(resource(changes))
    (said,) = error.value.faults
    assert said.startswith(fault)


POINTLESS: dict[str, Changes] = {
    "a column that the format cannot carry": {"source.format": "combined"},
    "a key with the name of a result's field": {"goals.0.groupBy": ["count"]},
}


@pytest.mark.parametrize("name", POINTLESS)
def test_what_is_to_no_purpose_runs_on_where_it_is_stored_and_is_refused_in_a_file(name: str, tmp_path: Any) -> None:
    document = resource(POINTLESS[name])
    stored = parse_stored(document)
    with pytest.raises(ResourceError) as error:
        parse(document)
    assert tuple(error.value.faults) == stored.objections != ()
    # The goal's own container reads what the operator has accepted, and an edit beside it is still reconciled.
    acceptance = accept(stored.pipeline, {})
    edited = parse_stored(resource(POINTLESS[name], {"goals.0.window": {"size": "30s"}})).pipeline
    (refusal,) = accept(edited, acceptance.running).refusals
    assert "window.size from 10 to 30" in refusal.message
    file = tmp_path / "pipeline.yaml"
    file.write_text(write_document(acceptance.goal_pipeline("a").document()))
    assert load_accepted(file).spec.goals[0].group_by == stored.pipeline.spec.goals[0].group_by


def test_a_component_is_never_given_a_field_that_it_does_not_know(tmp_path: Any) -> None:
    """Its image can be older than the operator's: to ignore a field there would be to count something else."""
    file = tmp_path / "pipeline.yaml"
    file.write_text(write_document(resource({"goals.0.where": [CONDITION]})))
    with pytest.raises(ResourceError, match="ignoreCase: unknown field"):
        load_accepted(file)


@pytest.mark.parametrize("condition", [CONDITION, {"field": "path", "suffix": ".php"}])
def test_a_condition_that_a_newer_version_runs(condition: dict[str, Any]) -> None:
    """Nobody else can go on from its state, and the status can be shown all the same."""
    (was,) = accept(parse(resource()), {}).running.values()
    running = RunningGoal(was.state_version, {**was.rule, "where": [condition]})
    with pytest.raises(ResourceError, match="goal 'a': runs a condition that this version does not know"):
        accept(parse(resource()), {"a": running})
    status = {"goals": [{"name": "a", "stateVersion": 1, "rule": running.rule}]}
    (goal,) = Status.model_validate(status).goals
    assert goal.rule is not None
    assert goal.rule.where[0].field == condition["field"]
