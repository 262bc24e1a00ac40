"""What a goal's windows hold, computed by DuckDB from the file, and whether an engine said the same."""

from __future__ import annotations

import math

import duckdb
from workload import Goal, Workload

Windows = dict[tuple[str, int], float]
"""By key and start in epoch seconds: the count or the mean."""


class WrongAnswerError(Exception):
    """An engine's windows are not the right ones."""


def expected(workload: Workload, goal: Goal) -> Windows:
    """Return the windows up to the horizon that pass the goal's threshold; none for a workload of a few seconds."""
    value = "sum(total) / sum(n)" if goal.field else "sum(n)"
    where = f"where status between {goal.statuses[0]} and {goal.statuses[1]}" if goal.statuses else ""
    least = goal.more_than if goal.more_than is not None else 0
    # A key with no more records than the threshold in all has no window that passes it; most clients are such.
    rows = duckdb.execute(f"""
        with panes as (
            select {goal.key} as key, floor("@timestamp" / {goal.slide})::bigint * {goal.slide} as pane,
                count(*) as n, sum({goal.field or 0}) as total
            from read_json('{workload.file}', columns = {{'@timestamp': 'double', '{goal.key}': 'varchar',
                'status': 'integer', 'request_time': 'double'}}, format = 'newline_delimited')
            {where} group by all
        ), likely as (select key from panes group by key having sum(n) > {least})
        select key, pane - step * {goal.slide} as start, {value}
        from panes semi join likely using (key), range({goal.size // goal.slide}) as steps(step)
        group by all having sum(n) > {least} and start + {goal.size} <= {workload.horizon}
    """).fetchall()
    return {(key, int(start)): float(found) for key, start, found in rows}


def check(found: Windows, wanted: Windows, workload: Workload, goal: Goal, *, early: bool) -> None:
    """Raise WrongAnswerError unless `found` is `wanted` up to the horizon; an early result says only that a window
    passed.
    """
    found = {window: value for window, value in found.items() if window[1] + goal.size <= workload.horizon}
    missing, extra = wanted.keys() - found.keys(), found.keys() - wanted.keys()
    wrong = [
        window
        for window in wanted.keys() & found.keys()
        if not early and not math.isclose(wanted[window], found[window], rel_tol=1e-9)
    ]
    if missing or extra or wrong:
        example = next(iter([*missing, *extra, *wrong]))
        raise WrongAnswerError(
            f"{len(missing)} of {len(wanted)} windows are missing, {len(extra)} are too many, {len(wrong)} are wrong; "
            f"such as {example}: {wanted.get(example)}, found {found.get(example)}"
        )
