"""Window starts in spans: those over which what the windows of a key hold stays the same, and the windows of a span.

The sum over a sliding window changes only where a pane enters or leaves it. So the work is in proportion to the panes a
key has, not to windows a record is in, and a gap of years between two records costs nothing: each pane becomes two
steps, and a running total over the steps of a key gives the sum of every window in between. Windows themselves are made
a block at a time, however many there are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from logpipeline.kernel.cells import key_names
from logpipeline.rules import Rule

Integers = npt.NDArray[np.int64]

# Windows, or cells of windows, that are in memory at a time; more only where windows with one start have more.
_BLOCK = 250_000


def spans_of(
    code: Integers, pane: Integers, weights: Sequence[Integers], rule: Rule, earlier: Sequence[Integers] = ()
) -> tuple[Integers, Integers, Integers, list[Integers]]:
    """Return the spans of window starts over which the sums of a key stay the same.

    A row a span: (a row of that key, first start, start that it ends before, the sum of each weight, and of each weight
    `earlier` the sum in the `rule.before` seconds before the window).
    """
    steps = [pane + rule.slide - rule.size, pane + rule.slide]
    changes = [[weight, -weight] for weight in weights]
    if earlier:
        # What leaves a window enters what the next ones are compared with.
        steps.append(pane + rule.slide + rule.before)
        none = np.zeros_like(pane)
        changes = [[*change, none] for change in changes] + [[none, weight, -weight] for weight in earlier]
    key, step = np.concatenate([code] * len(steps)), np.concatenate(steps)
    order = np.lexsort((step, key))
    key, step = key[order], step[order]
    # The steps of one key add up to nothing, so one running total serves all keys one behind the other.
    sums = [np.cumsum(np.concatenate(change)[order]) for change in changes]
    last_of_step = np.flatnonzero((key[1:] != key[:-1]) | (step[1:] != step[:-1]))
    owner = order[last_of_step] % max(len(code), 1)
    return owner, step[last_of_step], step[last_of_step + 1], [total[last_of_step] for total in sums]


def blocks(start: Integers, stop: Integers, rule: Rule) -> Iterator[tuple[Integers, Integers]]:
    """Yield (index of the span, window start) for every window of the spans [start, stop), a block of windows at a
    time: all windows with one start are in one block, and the earliest in the first.
    """
    some = np.flatnonzero(start < stop)
    waiting = [some] if len(some) else []
    bounds = [(int(start[some].min()), int(stop[some].max()))] if len(some) else []
    while waiting:
        index, (low, high) = waiting.pop(), bounds.pop()
        begin, end = np.maximum(start[index], low), np.minimum(stop[index], high)
        lengths = (end - begin) // rule.slide
        if lengths.sum() > _BLOCK and high - low > rule.slide:
            middle = low + (high - low) // rule.slide // 2 * rule.slide
            for part in ((middle, high), (low, middle)):
                inside = index[(start[index] < part[1]) & (stop[index] > part[0])]
                if len(inside):
                    waiting.append(inside)
                    bounds.append(part)
            continue
        which = np.repeat(np.arange(len(index)), lengths)
        offset = np.arange(len(which)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        yield index[which], begin[which] + offset * rule.slide


def codes(cells: pl.DataFrame, rule: Rule) -> Integers:
    """Return a small integer for each row, the same for rows of the same key."""
    code = np.zeros(cells.height, np.int64)
    for name in key_names(rule):
        encoded = cells[name].to_arrow(compat_level=pl.CompatLevel.oldest()).dictionary_encode()
        code = code * len(encoded.dictionary) + encoded.indices.to_numpy().astype(np.int64)
        if len(rule.group_by) > 1:
            code = np.asarray(pa.array(code).dictionary_encode().indices, np.int64)
    return code
