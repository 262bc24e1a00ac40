"""From the live objects of a workload to what they tell: pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from logpipeline_operator.cluster.kinds import COMPONENT_LABEL, GOAL_LABEL
from logpipeline_operator.observe.facts import WorkloadFacts

Document = Mapping[str, Any]

# What a container waits for when all goes well.
_ON_ITS_WAY = frozenset({"ContainerCreating", "PodInitializing"})
_LONGEST_MESSAGE = 400


@dataclass(frozen=True)
class MissingPods:
    """Since when a workload has fewer pods than it wants, and why if its controller says so in an Event."""

    since: datetime
    refusal: str | None = None


def all_workload_facts(
    children: Iterable[Document], missing: Mapping[str, MissingPods] | None = None
) -> tuple[WorkloadFacts, ...]:
    """Return the facts of each StatefulSet and Deployment among the live `children` of a pipeline, by name; `missing`
    holds what is known of pods that do not exist, by the uid of their workload.
    """
    missing = missing or {}
    objects = list(children)
    pods = [item for item in objects if item["kind"] == "Pod"]
    workloads = [item for item in objects if item["kind"] in ("StatefulSet", "Deployment")]
    return tuple(
        sorted(
            (workload_facts(workload, pods, missing.get(workload["metadata"].get("uid"))) for workload in workloads),
            key=lambda facts: (facts.component, facts.name),
        )
    )


def workload_facts(workload: Document, pods: Iterable[Document], missing: MissingPods | None = None) -> WorkloadFacts:
    """Return what a StatefulSet or Deployment and its own among the `pods`, as the API server gives them, tell."""
    metadata, spec, status = workload["metadata"], workload["spec"], workload.get("status") or {}
    labels = metadata.get("labels") or {}
    goal = labels.get(GOAL_LABEL)
    pods = list(pods)
    # Evicted and finished pods stay on the API server after others have taken their place.
    ended = [pod for pod in pods if _belongs(pod, workload) and _phase(pod) in ("Failed", "Succeeded")]
    own = [pod for pod in pods if _belongs(pod, workload) and pod not in ended]
    executors = [pod for pod in pods if goal is not None and _is_executor(pod, goal)]
    unready = [pod for pod in own if not pod["metadata"].get("deletionTimestamp") and _unready_since(pod) is not None]
    waiting, message = _first_fault(unready)
    if waiting is None:
        waiting, message = _refused_pods(status, missing)
    if waiting is None and status.get("readyReplicas", 0) < spec.get("replicas", 1) and not own:
        waiting, message = _first_fault(ended)
    return WorkloadFacts(
        name=metadata["name"],
        component=labels.get(COMPONENT_LABEL, ""),
        goal=goal,
        desired=spec.get("replicas", 1),
        # The API server leaves zeros out.
        ready=status.get("readyReplicas", 0),
        updated=status.get("updatedReplicas", 0),
        pods=len(own),
        waiting=waiting,
        message=message,
        unready_since=min((since for pod in unready if (since := _unready_since(pod)) is not None), default=None),
        missing_since=missing.since if missing else None,
        restarts=sum(container["restartCount"] for pod in own for container in _containers(pod)),
        last_exit=_last_exit(own),
        executor_fault=": ".join(part for part in _first_fault(executors) if part) or None,
        observed=status.get("observedGeneration", 0) >= metadata.get("generation", 0),
    )


def _belongs(pod: Document, workload: Document) -> bool:
    name = workload["metadata"]["name"]
    for owner in pod["metadata"].get("ownerReferences") or []:
        if not owner.get("controller"):
            continue
        # A Deployment owns its pods through a ReplicaSet, whose name is its own and a hash.
        owns = owner["name"] if workload["kind"] == "StatefulSet" else owner["name"].rpartition("-")[0]
        return owner["kind"] in ("StatefulSet", "ReplicaSet") and owns == name
    return False


def _is_executor(pod: Document, goal: str) -> bool:
    labels = pod["metadata"].get("labels") or {}
    return labels.get(GOAL_LABEL) == goal and labels.get("spark-role") == "executor"


def _phase(pod: Document) -> str | None:
    phase: str | None = (pod.get("status") or {}).get("phase")
    return phase


def _unready_since(pod: Document) -> datetime | None:
    """Return since when the pod is not ready, None when it is."""
    for condition in (pod.get("status") or {}).get("conditions") or []:
        if condition["type"] == "Ready":
            return None if condition["status"] == "True" else _moment(condition.get("lastTransitionTime"), pod)
    return _moment(None, pod)


def _moment(text: str | None, pod: Document) -> datetime:
    return datetime.fromisoformat(text or pod["metadata"]["creationTimestamp"])


def _containers(pod: Document) -> list[dict[str, Any]]:
    status = pod.get("status") or {}
    return [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]


def _first_fault(pods: list[Document]) -> tuple[str | None, str | None]:
    """Return what the first pod that cannot go on waits for, and Kubernetes' words for it."""
    for pod in sorted(pods, key=lambda pod: str(pod["metadata"]["name"])):
        reason, message = _pod_fault(pod)
        if reason is not None:
            return reason, _short(message)
    return None, None


def _pod_fault(pod: Document) -> tuple[str | None, str]:
    status = pod.get("status") or {}
    if _phase(pod) == "Failed":
        return status.get("reason") or "Failed", status.get("message") or "the pod has failed"
    for condition in status.get("conditions") or []:
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return condition.get("reason", "Unschedulable"), condition.get("message", "")
    for container in _containers(pod):
        waiting = (container.get("state") or {}).get("waiting")
        if not waiting or waiting.get("reason") in _ON_ITS_WAY:
            continue
        before = (container.get("lastState") or {}).get("terminated")
        if waiting.get("reason") == "CrashLoopBackOff" and before:
            reason = "OOMKilled" if before.get("reason") == "OOMKilled" else "CrashLoopBackOff"
            return reason, _exit(before)
        if "Image" in waiting.get("reason", ""):
            # The kubelet's words change with each of its tries; those of the status must not.
            return waiting["reason"], f"{pod['metadata']['name']} cannot pull the image {container['image']}"
        return waiting.get("reason", "Waiting"), waiting.get("message", "")
    return None, ""


def _exit(terminated: Document) -> str:
    """Return how a container ended: reason, exit code and the last line that it left behind."""
    text = f"{terminated.get('reason') or 'ended'} (exit code {terminated.get('exitCode')})"
    lines = [line for line in (terminated.get("message") or "").splitlines() if line.strip()]
    return f"{text}: {lines[-1].strip()}" if lines else text


def _last_exit(pods: list[Document]) -> str | None:
    ends = [
        ended
        for pod in pods
        for container in _containers(pod)
        for state in ("state", "lastState")
        if (ended := (container.get(state) or {}).get("terminated")) and ended.get("exitCode")
    ]
    newest = max(ends, key=lambda ended: str(ended.get("finishedAt") or ""), default=None)
    return None if newest is None else _short(_exit(newest))


def _refused_pods(status: Document, missing: MissingPods | None) -> tuple[str | None, str | None]:
    """Return why a workload gets no pods (a quota, an admission rule), which no pod can tell."""
    if missing is not None and missing.refusal is not None:
        return "FailedCreate", _short(missing.refusal)
    for condition in status.get("conditions") or []:
        if condition["type"] == "ReplicaFailure" and condition["status"] == "True":
            return condition.get("reason", "FailedCreate"), _short(condition.get("message", ""))
    return None, None


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_MESSAGE else line[: _LONGEST_MESSAGE - 1] + "…"
