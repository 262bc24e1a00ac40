"""`explain`: from a detection to the records behind it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.table import Table

from logpipeline.errors import LogPipelineError
from logpipeline.local.view import number
from logpipeline.plain import plain_json, write
from logpipeline.status.reach import ConsoleApi, of_run, on_cluster
from logpipeline.terminal import Terminal, styled

_BLOCKS = " ▁▂▃▄▅▆▇█"


def explained(
    run: Mapping[str, Any] | None,
    name: str | None,
    cluster: Mapping[str, Any],
    wanted: Mapping[str, Any],
    records: int,
    output: str,
    token_file: Path | None,
) -> None:
    """Explain the newest detection that fits what is `wanted` (goal, key, at), of a `run` here or, without one, of the
    resource `name` on a cluster; `cluster` are kubectl's options. Raises LogPipelineError.
    """
    if run is not None:
        _explain(of_run(run), wanted, records, output)
        return
    if name is None:
        raise LogPipelineError("no `logpipeline up` runs here; name a resource on the cluster")
    with on_cluster(name, cluster, token_file) as console:
        _explain(console, wanted, records, output)


def chosen(snapshot: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return the newest episode of the goal, with the key (all its values, or one of them), open at the moment `at`
    (epoch seconds) that are wanted; None wants any. Raises LogPipelineError when there is none.
    """
    goals = {goal["name"]: goal for goal in snapshot["about"]["goals"] if goal["limit"] is not None}
    if wanted["goal"] is not None and wanted["goal"] not in goals:
        raise LogPipelineError(f"--goal: none that detects is called {wanted['goal']!r}; there is {', '.join(goals)}")
    for episode in snapshot["detections"]["episodes"]:
        keyed = wanted["key"] is None or wanted["key"] in ("|".join(episode["key"]), *episode["key"])
        timely = wanted["at"] is None or episode["first"] <= wanted["at"] <= episode["last"]
        if keyed and timely and wanted["goal"] in (None, episode["goal"]):
            return {**episode, "rule": goals[episode["goal"]]}
    many = len(snapshot["detections"]["episodes"])
    raise LogPipelineError(f"none of the {many} newest detections is like that; leave out --goal, --key or --at")


def _explain(console: ConsoleApi, wanted: Mapping[str, Any], records: int, output: str) -> None:
    episode = chosen(console.get("api/snapshot", []), wanted)
    asked = [("goal", episode["goal"]), ("start", episode["first"]), ("end", episode["last"]), ("records", records)]
    answer = console.get("api/records", [*((n, str(v)) for n, v in asked), *(("key", v) for v in episode["key"])])
    if output == "json":
        document = json.dumps({"detection": episode, **answer}, indent=2, ensure_ascii=False)
        write(plain_json(document.encode()).decode() + "\n")
    else:
        draw(episode, answer, Terminal())


def draw(episode: Mapping[str, Any], answer: Mapping[str, Any], console: Terminal) -> None:
    """Draw a detection: what was passed when, how many records came when, and the records."""
    rule = episode["rule"]
    key = ", ".join(f"{field} {value}" for field, value in zip(rule["fields"], episode["key"], strict=True))
    state = {True: "open", False: "over", None: "unknown"}[episode["open"]]
    console.print(styled(f"{episode['goal']}  {key}  {state}", style="bold"))
    least = "at least " if rule["early"] else ""
    console.print(
        f"{rule['meaning']}, more than {rule['limit']}: {number(episode['windows'])} windows from "
        f"{_moment(episode['first'])} to {_moment(episode['last'])[11:]} UTC, {least}{episode['peak']:g}"
    )
    console.print(f"{bars(answer['counts'])}  {answer['step']} s a bar, from {_moment(answer['begin'])[11:]}")
    found = answer["records"]
    first = f", the first {len(found)}" if len(found) < answer["total"] else ""
    console.print(f"{number(answer['total'])} records{first}:")
    console.print()
    names = list(dict.fromkeys(name for one in found for name in one["record"] if name != "@timestamp"))
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("time (UTC)", *names, "topic+partition+offset"):
        table.add_column(name, no_wrap=True, overflow="ellipsis")
    for one in found:
        values = (one["record"].get(name) for name in names)
        texts = (styled("" if value is None else str(value)) for value in values)
        table.add_row(_time(one["record"].get("@timestamp")), *texts, styled(one["id"], style="dim"))
    console.print(table)


def bars(counts: list[int]) -> str:
    """Return the counts as a line of blocks, the highest for the greatest; a blank is none."""
    top = max(counts, default=0) or 1
    return "".join(_BLOCKS[-(-count * (len(_BLOCKS) - 1) // top)] for count in counts)


def _moment(epoch: float) -> str:
    return datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _time(value: Any) -> str:
    try:
        return datetime.fromtimestamp(float(value), UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    except (TypeError, ValueError, OverflowError, OSError):
        return str(value or "")
