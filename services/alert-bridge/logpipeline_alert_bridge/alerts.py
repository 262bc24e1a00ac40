"""Episodes → alerts, in the words of Alertmanager's API v2. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

from logpipeline.api import LogPipeline
from logpipeline.elastic.evidence import kql
from logpipeline.kibana.objects import data_view_id
from logpipeline_alert_bridge.detections import AlertingGoal
from logpipeline_alert_bridge.episodes import OVERFLOW, Episode
from logpipeline_alert_bridge.ledger import MOST_HELD_BACK
from logpipeline_alert_bridge.text import LONGEST, plain

DETECTION, HELD_BACK = "LogPipelineDetection", "LogPipelineDetectionsHeldBack"
LEASE_SECONDS = 300.0
"""How long an open alert lives on at Alertmanager without the bridge: ten times the time between two sends."""

_LONGEST_ANNOTATION = 1024
_OURS = ("alertname", "severity", "namespace", "pipeline", "goal")


def label_names(fields: tuple[str, ...]) -> dict[str, str]:
    """Return the label of each field: its own name in the letters that labels have, apart from ours and each other."""
    names: dict[str, str] = {}
    for field in fields:
        name = re.sub(r"[^a-zA-Z0-9_]", "_", field)
        if not re.match(r"[a-zA-Z_]", name) or name in _OURS or name.startswith("__"):
            name = f"field_{name}"
        while name in names.values():
            name += "_"
        names[field] = name
    return names


def alert(pipeline: LogPipeline, goal: AlertingGoal, episode: Episode, now: float, index: str) -> dict[str, Any]:
    """Return the alert of an episode as it stands at `now`, by the wall clock; `index` holds the raw records.

    Its labels do not change while it lives, its annotations do. Both are bounded and printable, whatever the key holds.
    """
    rule = goal.rule
    labels = {
        "alertname": HELD_BACK if episode.key == OVERFLOW else DETECTION,
        "severity": goal.severity,
        "namespace": pipeline.metadata.namespace,
        "pipeline": pipeline.name,
        "goal": rule.name,
    }
    # An empty value would be no label, and the alert that of another key.
    values = dict(zip(goal.fields, episode.key, strict=False))
    shown = {field: plain(value) or "-" for field, value in values.items()}
    labels |= {label: shown[field] for field, label in label_names(goal.fields).items() if field in shown}
    first, last = _iso(episode.first_start), _iso(episode.last_end)
    told = f"{'at least ' if rule.early else ''}{episode.peak:g}"
    annotations = {
        "value": told,
        "threshold": f"{rule.limit}",
        "windows": f"{episode.windows}",
        "first_window_start": first,
        "last_window_end": last,
        "rule": f"{rule.meaning()}, state version {goal.state_version}",
    }
    if episode.key == OVERFLOW:
        keys = f"{'at least ' if episode.keys >= MOST_HELD_BACK else ''}{episode.keys}"
        annotations["held_back"] = keys
        annotations["summary"] = (
            f"{rule.name}: {goal.most_open} alerts with the greatest values are open, those of {keys} other keys are "
            "held back"
        )
        annotations["description"] = (
            f"{episode.windows} windows of other keys passed the threshold between {first} and {last} and alert "
            f"nobody; their highest {rule.value_name} was {told}. All are in the result topic. The goal's "
            "alert.maxOpen is the cap; alert.groupBy makes fewer."
        )
    else:
        who = ", ".join(f"{field} {value}" for field, value in shown.items())
        annotations["summary"] = f"{rule.name}: {who}: {rule.value_name} in {rule.size} s above {rule.limit}"
        annotations["description"] = (
            f"{episode.windows} windows of {rule.size} s passed the threshold between {first} and {last}; "
            f"the highest {rule.value_name} was {told}."
        )
    if episode.closed_by is not None:
        annotations["closed_by"] = episode.closed_by
    starts = float(episode.first_start)
    ends = now + LEASE_SECONDS if episode.closed_at is None else episode.closed_at
    result: dict[str, Any] = {
        "labels": labels,
        "annotations": {name: plain(text, _LONGEST_ANNOTATION) for name, text in annotations.items()},
        "startsAt": _iso(starts),
        # A record can be ahead of this machine's clock.
        "endsAt": _iso(max(ends, starts)),
    }
    alerting = pipeline.spec.alerting
    # No link holds a value that is too long: it leads to more than the episode.
    short = {field: value for field, value in values.items() if len(value) <= LONGEST}
    if alerting is not None and alerting.console_url is not None:
        # Of what is held back there is no episode.
        known = episode.key != OVERFLOW and short == values
        link = _episode(alerting.console_url, rule.name, episode) if known else alerting.console_url
        result["annotations"]["console"] = result["generatorURL"] = link
    if alerting is not None and alerting.kibana_url is not None:
        result["generatorURL"] = _discover(alerting.kibana_url, index, kql(rule, short), first, last)
    return result


def _iso(moment: float) -> str:
    text = datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds" if moment % 1 else "seconds")
    return text.replace("+00:00", "Z")


def _discover(kibana: str, index: str, query: str, start: str, end: str) -> str:
    """Return the address of Kibana's Discover with the raw records of the episode."""
    view = f"(dataViewId:{_rison(data_view_id(index))},type:dataView)"
    state = f"(dataSource:{view},query:(language:kuery,query:{_rison(query)}))"
    time = f"(time:(from:{_rison(start)},to:{_rison(end)}))"
    return f"{kibana.rstrip('/')}/app/discover#/?_g={quote(time)}&_a={quote(state)}"


def _episode(console: str, goal: str, episode: Episode) -> str:
    """Return the address of the episode in the console."""
    asked = [("goal", goal), ("at", str(episode.first_start)), *(("value", value) for value in episode.key)]
    return f"{console.rstrip('/')}/#{urlencode(asked)}"


def _rison(text: str) -> str:
    escaped = text.replace("!", "!!").replace("'", "!'")
    return f"'{escaped}'"
