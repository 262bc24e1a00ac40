"""Which windows jump against those right before them, of a value that cannot be added up: a mean, an extreme, a rank.

What was before is computed from the cells: the windows so many sizes earlier are those of the cells moved ahead by as
much. Nothing else has to be kept, and the windows in memory at a time are those that may be results.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import polars as pl

from logpipeline.kernel.cells import key_names
from logpipeline.rules import Rule

Values = Callable[[pl.DataFrame, Rule, tuple[int, int]], Iterator[pl.DataFrame]]


def jumping(found: pl.DataFrame, cells: pl.DataFrame, rule: Rule, values: Values) -> pl.DataFrame:
    """Return those of the windows `found` whose value is more than timesPrevious the mean of the windows before that
    have a record; without one it is no more than nothing.

    `values` gives the windows of cells from a first to a last start.
    """
    assert rule.previous is not None
    if found.is_empty():
        return found
    keys = key_names(rule)
    window = [*keys, "start"]
    first, last = found.select(pl.col("start").min(), last=pl.col("start").max()).row(0)
    cells = cells.join(found, on=keys, how="semi")
    total, known = np.zeros(found.height), np.zeros(found.height)
    # One after the other in one order, so that what is rounded off does not depend on batches.
    for number in range(1, rule.previous.over + 1):
        ahead = cells.with_columns(pl.col("pane") + number * rule.size)
        ahead = ahead.filter(pl.col("pane").is_between(first, last + rule.size, closed="left"))
        parts = [part.join(found, on=window, how="semi") for part in values(ahead, rule, (first, last))]
        if not parts:
            continue
        one = found.select(window).join(pl.concat(parts), on=window, how="left", maintain_order="left")["value"]
        total += one.fill_null(0).to_numpy()
        known += one.is_not_null().to_numpy()
    return found.filter(pl.Series(found["value"].to_numpy() * known > rule.previous.times * total))
