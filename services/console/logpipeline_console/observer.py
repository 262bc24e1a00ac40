"""Asks every part of the pipeline how it is, each in a thread of its own: one that is slow holds up no other."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable
from typing import Any

from confluent_kafka import KafkaException
from elasticsearch import ApiError, NotFoundError, TransportError
from prometheus_client.parser import text_string_to_metric_families

from logpipeline import threads
from logpipeline.api import LogPipeline
from logpipeline.elastic.index import connect
from logpipeline.elastic.transport import refusal
from logpipeline.errors import first_line
from logpipeline.kafka.admin import KafkaAdmin
from logpipeline.kafka.connect import authorization, connector_name, sink_group
from logpipeline.kafka.connector import read_status
from logpipeline.kafka.group_offsets import GroupOffsets
from logpipeline.progress import GoalProgress, read_progress, read_tables
from logpipeline.rate import Rate
from logpipeline.web import RefusedError, fetch, fetch_json
from logpipeline_console.addresses import Addresses
from logpipeline_console.path import Known
from logpipeline_console.reports import listed

_EVERY_SECONDS = 1.0
# Each is a listing of the lake's store.
_REPORTS_EVERY_SECONDS = 30.0
_TIMEOUT = 2.0
_REPORTS_TIMEOUT = 10.0
# No answer in time, a refusal, or an answer of another shape.
_FAULTS = (TransportError, OSError, RefusedError, ValueError, LookupError, TypeError, AttributeError)
_OPEN_ALERTS = "logpipeline_alert_bridge_open_alerts"

Answer = dict[str, Any]


class Observer:
    """The newest answer of each part, and the rates that only time tells."""

    def __init__(self, pipeline: LogPipeline, addresses: Addresses) -> None:
        self._pipeline = pipeline
        self._addresses = addresses
        self._topics = {use: topic.name or "" for use, topic in pipeline.topics().items()}
        self._admin: KafkaAdmin | None = None
        self._sink: GroupOffsets | None = None
        self._answers: dict[str, Answer] = {}
        self._faults: dict[str, str] = {}
        self._rates = {part: Rate() for part in ("kafka", "invalid", "connect", "elasticsearch")}
        self.elasticsearch = (
            connect(addresses.elasticsearch, addresses.elasticsearch_secret or {}, _TIMEOUT)
            if addresses.elasticsearch
            else None
        )

    def start(self, stop: threading.Event) -> None:
        """Ask until `stop` is set."""
        asked: dict[str, Callable[[], Answer]] = {"kafka": self._kafka}
        for number, url in enumerate(self._addresses.goals):
            asked[f"goals {number}"] = lambda url=url: self._goals(url)  # type: ignore[misc]
        if self._addresses.connect is not None:
            asked["connect"] = self._connect
        if self.elasticsearch is not None:
            asked["elasticsearch"] = self._elasticsearch
        if self._addresses.alert_bridge is not None:
            asked["alerts"] = self._alerts
        if self._addresses.lake is not None:
            asked["lake"] = self._lake
            asked["reports"] = self._reports
        for part, ask in asked.items():
            seconds = _REPORTS_EVERY_SECONDS if part == "reports" else _EVERY_SECONDS
            threads.start(f"ask {part}", functools.partial(self._watch, part, ask, seconds, stop))

    def _watch(self, part: str, ask: Callable[[], Answer], seconds: float, stop: threading.Event) -> None:
        while not stop.is_set():
            began = time.monotonic()
            try:
                self._answers[part] = ask()
                self._faults.pop(part, None)
            except KafkaException as error:
                fault = self._admin.last_fault() if self._admin else None
                self._faults[part] = str((fault or error.args[0]).str())
            except ApiError as error:
                self._faults[part] = refusal(error)
            except _FAULTS as error:
                self._faults[part] = first_line(error)[:300]
            stop.wait(max(0.0, began + seconds - time.monotonic()))

    def _kafka(self) -> Answer:
        if self._admin is None:
            self._admin = KafkaAdmin(self._addresses.kafka)
        cluster = self._admin.cluster(_TIMEOUT)
        there = {use: name for use, name in self._topics.items() if name in cluster.topics}
        offsets = self._admin.offsets({name: cluster.topics[name].partitions for name in there.values()}, _TIMEOUT)
        totals = {use: offsets[name].total for use, name in there.items()}
        rates = {
            "kafka": self._rate("kafka", totals.get("raw")),
            "invalid": self._rate("invalid", totals.get("invalid")),
        }
        answer: Answer = {"totals": totals, "rates": rates}
        if self._addresses.connect is not None and "raw" in there:
            raw = offsets[there["raw"]]
            if self._sink is None:
                self._sink = GroupOffsets(self._addresses.kafka, sink_group(self._pipeline))
            committed = self._sink.committed(there["raw"], raw.end, _TIMEOUT)
            if committed is not None:
                answer["committed_lag"] = lag = raw.lag(committed)
                rates["connect"] = self._rate("connect", raw.total - lag)
        return answer

    def _rate(self, part: str, counted: int | None) -> float | None:
        return self._rates[part].add(time.monotonic(), counted)

    def _goals(self, url: str) -> Answer:
        return {"goals": {goal.goal: goal for goal in read_progress(fetch_json(f"{url}/progress", timeout=_TIMEOUT))}}

    def _connect(self) -> Answer:
        secret = self._addresses.connect_secret
        headers = authorization(secret) if secret is not None else {}
        url = f"{self._addresses.connect}/connectors/{connector_name(self._pipeline)}/status"
        status = read_status(fetch_json(url, headers=headers, timeout=_TIMEOUT))
        return {"tasks": (status.running, status.tasks), "task_fault": status.fault}

    def _elasticsearch(self) -> Answer:
        assert self.elasticsearch is not None
        try:
            indexed = int(self.elasticsearch.count(index=self._pipeline.index())["count"])
        except NotFoundError:
            indexed = 0
        return {"indexed": indexed, "rates": {"elasticsearch": self._rate("elasticsearch", indexed)}}

    def _alerts(self) -> Answer:
        text = fetch(f"{self._addresses.alert_bridge}/metrics", timeout=_TIMEOUT)
        samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
        return {"open_alerts": int(sum(sample.value for sample in samples if sample.name == _OPEN_ALERTS))}

    def _lake(self) -> Answer:
        tables = read_tables(fetch_json(f"{self._addresses.lake}/progress", timeout=_TIMEOUT))
        return {"tables": {table.table: table for table in tables}}

    def _reports(self) -> Answer:
        return {"reports": listed(fetch_json(f"{self._addresses.lake}/reports/", timeout=_REPORTS_TIMEOUT))}

    def reports(self) -> dict[str, Any]:
        """Return the pages of scheduled reports that the lake's writer has listed last, and why it lists none."""
        return {"pages": self._answers.get("reports", {}).get("reports", []), "fault": self._faults.get("reports")}

    def goals(self) -> dict[str, GoalProgress]:
        """Return what each goal last said of itself, by name, however long ago."""
        answers = list(self._answers.values())
        return {name: goal for answer in answers for name, goal in answer.get("goals", {}).items()}

    def known(self) -> Known:
        """Return the newest answers. What a part has said before it stopped answering is not among them."""
        faults = dict(self._faults)
        said: Answer = {"rates": {}, "goals": {}, "totals": {}}
        for part, answer in list(self._answers.items()):
            if part not in faults and part != "reports":
                merged = {name: {**said[name], **answer.get(name, {})} for name in ("rates", "goals", "totals")}
                said |= answer | merged
        totals = said.pop("totals")
        return Known(
            produced=totals.get("raw"),
            invalid=totals.get("invalid"),
            dead_letters=totals.get("sink-dead-letters"),
            results={use.removeprefix("goal "): total for use, total in totals.items() if use.startswith("goal ")},
            faults=faults,
            **said,
        )
