"""One pass over one pipeline: what it should have is compared with what it has, and the difference written.

The decisions are pure and stand elsewhere: `acceptance` (what of an edit takes effect), `desired` (which objects),
`plan` (which of them to write), `rollout`, `suspension`, `status`. What has to be asked of the data path is asked by
`observations` beside the passes, so that no peer that is down ever holds up a pass.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from logpipeline.acceptance import Acceptance
from logpipeline.api import parse_stored
from logpipeline.errors import ResourceError
from logpipeline_operator.accepted import accepted, remembering
from logpipeline_operator.certificates import expiries
from logpipeline_operator.cluster.cache import Cache
from logpipeline_operator.cluster.client import CONFLICT, ApiError, Client
from logpipeline_operator.cluster.kinds import (
    COMPONENT_LABEL,
    POD,
    STATEFUL_SET,
    VOLUME_CLAIM,
    Document,
    ObjectKey,
    PipelineKey,
)
from logpipeline_operator.creations import Creations
from logpipeline_operator.desired import desired, suspended
from logpipeline_operator.logs import fields
from logpipeline_operator.metrics import CERTIFICATE_EXPIRY, VOLUME
from logpipeline_operator.observations import Observations
from logpipeline_operator.observe.facts import Facts
from logpipeline_operator.observe.workloads import all_workload_facts
from logpipeline_operator.ownership import Ownership, taken_findings
from logpipeline_operator.pipelines import Pipelines
from logpipeline_operator.report import Reporter
from logpipeline_operator.rollout import next_step
from logpipeline_operator.secrets import Secrets, holds_back
from logpipeline_operator.settings import Settings
from logpipeline_operator.sharing import KafkaNames
from logpipeline_operator.status.conditions import status_of, status_of_invalid
from logpipeline_operator.status.progress import doubts_about
from logpipeline_operator.suspension import next_stage, sources_run
from logpipeline_operator.writing import Writer, Written

_LOG = logging.getLogger(__name__)


class Reconciler:
    """Does passes; a pipeline in one thread at a time."""

    def __init__(
        self,
        client: Client,
        pipelines: Pipelines,
        cache: Cache,
        secrets: Secrets,
        settings: Settings,
        observations: Observations,
        creations: Creations,
        reporter: Reporter,
    ) -> None:
        self._client = client
        self._writer = Writer(client, cache)
        self._pipelines = pipelines
        self._cache = cache
        self._secrets = secrets
        self._settings = settings
        self._observations = observations
        self._creations = creations
        self._reporter = reporter
        self._kafka_names = KafkaNames()
        self._stopped: dict[PipelineKey, datetime] = {}

    def forget(self, key: PipelineKey) -> None:
        """Drop what is remembered of a pipeline that is gone."""
        self._stopped.pop(key, None)
        self._kafka_names.forget(key)
        CERTIFICATE_EXPIRY.set(key, {})
        VOLUME.set(key, {})

    def reconcile(self, key: PipelineKey) -> float | None:
        """Do a pass and return in how many seconds the next one is due, None when only a change asks for one.

        Raises ApiError when the API server refuses something, after all else has been done.
        """
        document = self._pipelines.get(key)
        if document is None or document["metadata"].get("deletionTimestamp"):
            return None
        status, generation = document.get("status") or {}, document["metadata"]["generation"]
        try:
            stored = parse_stored(document)
            acceptance = accepted(stored.pipeline, status)
        except ResourceError as error:
            faulty = status_of_invalid(error.faults, generation, now=datetime.now(UTC), previous=status)
            return self._reporter.report(key, document, faulty)
        pipeline = acceptance.pipeline
        self._observations.follow(key, (pipeline.metadata.uid, generation))
        facts = self._observations.latest(key)
        written = self._write(key, acceptance, facts)
        children = self._children(key, pipeline.metadata.uid)
        VOLUME.set(key, dict.fromkeys(volumes(children), 1))
        failures = [*written.failures, *self._step_brokers(key, children, facts)]
        new = status_of(
            pipeline,
            replace(facts, workloads=all_workload_facts(children.values(), self._creations.missing(key, children))),
            now=datetime.now(UTC),
            previous=status,
            refusals=[refusal.message for refusal in acceptance.refusals],
            # What came in between is in order at the next pass.
            failures=[error.message for error in failures if error.status != CONFLICT],
            held=[*taken_findings(written.taken, key), *self._kafka_names.findings(key, pipeline)],
            doubts=doubts_about(stored),
        )
        delay = self._reporter.report(key, document, remembering(new, acceptance, status))
        if failures:
            raise failures[0]
        return delay

    def _write(self, key: PipelineKey, acceptance: Acceptance, facts: Facts) -> Written:
        """Write what differs from the desired objects, and generate what no user gives."""
        pipeline = acceptance.pipeline
        failures = self._secrets.generate(pipeline)
        read = self._secrets.of(pipeline)
        ends = {name: expiries(secret.values) for name, secret in read.found.items()}
        CERTIFICATE_EXPIRY.set(key, {(name, entry): end for name in ends for entry, end in ends[name].items()})
        secrets = {name: secret.facts() for name, secret in read.found.items()}
        goals = {goal.name: acceptance.goal_pipeline(goal.name).document() for goal in pipeline.spec.goals}
        live = self._cache.children(key)
        stage = next_stage(pipeline, live, facts, now=datetime.now(UTC), stopped=self._sources_stopped(key, live))
        objects = suspended(desired(pipeline, goals, self._settings, secrets), stage)
        written = self._writer.write(
            objects,
            key,
            pipeline.metadata.uid,
            keep_volumes=pipeline.spec.delete_policy == "Retain",
            held_back=holds_back(objects, read.unreadable),
        )
        return replace(written, failures=[*failures, *read.unreadable.values(), *written.failures])

    def _children(self, key: PipelineKey, uid: str) -> dict[ObjectKey, Document]:
        """Return the pods and what is the pipeline's own: another's object can have our labels."""
        live = self._cache.children(key)
        ownership = Ownership.among(live.values(), key, uid)
        return {
            child: document for child, document in live.items() if child.kind == POD.name or ownership.has(document)
        }

    def _sources_stopped(self, key: PipelineKey, live: Mapping[ObjectKey, Document]) -> datetime | None:
        if sources_run(live):
            self._stopped.pop(key, None)
            return None
        return self._stopped.setdefault(key, datetime.now(UTC))

    def _step_brokers(self, key: PipelineKey, children: Mapping[ObjectKey, Document], facts: Facts) -> list[ApiError]:
        """Restart a broker that is due, and return what the API server refused."""
        failures = []
        for brokers in children.values():
            if brokers["kind"] != STATEFUL_SET.name or brokers["spec"]["updateStrategy"]["type"] != "OnDelete":
                continue
            pods = [child for child in children.values() if child["kind"] == POD.name and _controls(brokers, child)]
            step = next_step(brokers, pods, in_sync=facts.kafka.in_sync, observed_at=facts.kafka.observed_at)
            if step.delete is not None:
                pod = step.delete["metadata"]
                _LOG.info("restart %s for its new revision", pod["name"], extra=fields(key, "kafka"))
                try:
                    self._client.delete(POD, pod["namespace"], pod["name"], pod["uid"])
                except ApiError as error:
                    failures.append(error)
            elif step.waits_for is not None:
                _LOG.debug("the rolling restart waits: %s", step.waits_for, extra=fields(key, "kafka"))
        return failures


def _controls(owner: Document, child: Document) -> bool:
    """Whether `owner` is the controller of `child`: labels can be on anything, a copy for debugging among them."""
    owners = child["metadata"].get("ownerReferences") or []
    return any(each.get("controller") and each["uid"] == owner["metadata"]["uid"] for each in owners)


def volumes(children: Mapping[ObjectKey, Document]) -> list[tuple[str, str]]:
    """Return the component, empty where a claim of the user's has no such label, and the name of each volume claim of a
    pipeline.
    """
    claims = (child["metadata"] for child in children.values() if child["kind"] == VOLUME_CLAIM.name)
    return [(metadata["labels"].get(COMPONENT_LABEL, ""), metadata["name"]) for metadata in claims]
