"""The fields that goals name, held against what the source carries and what a result has room for.

They make a goal pointless, not impossible: a file with such a goal is refused, while one that is stored already runs on
and its status says so. That is why these are no validators of the models, and why the columns have no rule in the CRD:
it would have to stand at `spec`, and refuse each later edit of a resource that was accepted before.
"""

from __future__ import annotations

from collections.abc import Iterator

from logpipeline.api.faults import nearest
from logpipeline.api.goal import RESULT_FIELDS, TAKEN, Goal, value_name
from logpipeline.api.presets import PRESETS
from logpipeline.api.resource import LogPipeline
from logpipeline.api.source import TEXT_COLUMNS


def objections(pipeline: LogPipeline) -> Iterator[str]:
    """Yield one line a field that a goal names to no purpose: its path, the value and the remedy."""
    text_format = pipeline.spec.source.format
    columns = TEXT_COLUMNS.get(text_format)
    for index, goal in enumerate(pipeline.spec.goals):
        at = f"spec.goals[{index}]"
        taken = {*RESULT_FIELDS, *([value_name(*goal.aggregate.chosen())] if goal.aggregate else [])}
        yield from (f"{at}.groupBy: {field!r}: {TAKEN}" for field in goal.group_by or () if field in taken)
        if columns is None:
            continue
        of_preset: dict[str, None] = {}
        for path, field, by_preset in _named(goal):
            if field in columns:
                continue
            if by_preset:
                of_preset[field] = None
                continue
            near = nearest(field, columns)
            yield (
                f"{at}.{path}: {field!r} is not a column of format {text_format}"
                f"{f'; {near}' if near else ''} (it has {', '.join(columns)})"
            )
        if of_preset:
            yield (
                f"{at}: preset {goal.preset} needs {' and '.join(of_preset)}, which format {text_format} does not "
                f"carry; use format json, or write a rule of {', '.join(columns)}"
            )


def _named(goal: Goal) -> Iterator[tuple[str, str, bool]]:
    """Yield where a goal names a field, the field, and whether it is the preset that names it there."""
    preset = PRESETS.get(goal.preset, {})
    key = goal.group_by or []
    for number, field in enumerate(key):
        yield f"groupBy[{number}]", field, key == preset.get("groupBy")
    where = preset.get("where", [])
    for number, condition in enumerate(goal.where or ()):
        written = condition.model_dump(by_alias=True, exclude_none=True)
        yield f"where[{number}].field", condition.field, written in where
    if goal.aggregate is not None:
        kind, of = goal.aggregate.chosen()
        if of is not None:
            yield f"aggregate.{kind}.field", of, preset.get("aggregate") == {kind: {"field": of}}
