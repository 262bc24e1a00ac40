"""Windows → results: the JSON that consumers read, and the key it is sent under."""

from __future__ import annotations

from collections.abc import Iterator

import orjson
import polars as pl

from logpipeline.kernel.cells import key_names
from logpipeline.rules import Rule


def results(windows: pl.DataFrame, rule: Rule) -> Iterator[tuple[str, str]]:
    """Yield (Kafka key, JSON) for each window, by window start and key: the same windows always give the same bytes.

    The Kafka key is the group key's values joined by `|`. Numbers: `status` is an integer, other keys are text.
    """
    if windows.is_empty():
        return
    keys = key_names(rule)
    moment = "%Y-%m-%dT%H:%M:%SZ"
    epoch = pl.from_epoch("start", time_unit="s")
    ordered = windows.sort("start", *keys)
    edges = ordered.select(start=epoch.dt.strftime(moment), end=epoch.dt.offset_by(f"{rule.size}s").dt.strftime(moment))
    value = ordered["value"] if rule.field is not None else ordered["n"]
    rows = zip(edges["start"], edges["end"], ordered.select(keys).iter_rows(), ordered["n"], value, strict=True)
    for start, end, key, n, number in rows:
        result = {"goal": rule.name, "window_start": start, "window_end": end}
        for field, text in zip(rule.group_by, key, strict=True):
            result[field] = int(text) if field == "status" else text
        result["count"] = n
        if rule.field is not None:
            result[rule.value_name] = number
        yield "|".join(key), orjson.dumps(result).decode()
