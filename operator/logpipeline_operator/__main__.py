"""`python -m logpipeline_operator`: the operator's process."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable

import kopf
from prometheus_client import CollectorRegistry

from logpipeline.errors import LogPipelineError
from logpipeline.serving import Verdict, serve
from logpipeline_operator import configuration, crds, logs, threads, watches
from logpipeline_operator.assembly import LOOKS, Operator
from logpipeline_operator.cluster.client import Client
from logpipeline_operator.desired.addresses import EVERYWHERE
from logpipeline_operator.leader import Leadership, lease_api
from logpipeline_operator.metrics import REGISTRY

METRICS_PORT, HEALTH_PORT = 8080, 8081
_LOG = logging.getLogger("logpipeline_operator")


def main() -> None:
    """Run until SIGTERM; exit code 2 for a configuration that cannot work."""
    try:
        _run(configuration.from_environment())
    except LogPipelineError as error:
        error.show()
        sys.exit(error.exit_code)
    # The Lease is released: no request that hangs is waited for, and no thread may go on.
    os._exit(0)


def _run(settings: configuration.Configuration) -> None:
    logs.set_up(settings.log_level, settings.log_format)
    threads.exit_on_failure()
    crds.check(crds.connect())
    operator = Operator(settings, Client(connections=(1 + LOOKS) * settings.workers + 4))
    serve(REGISTRY, {}, EVERYWHERE, METRICS_PORT)
    # A port of its own: a NetworkPolicy lets others scrape than ask for the health.
    verdicts = {"/healthz": _verdict(operator.fault), "/readyz": _verdict(operator.starting)}
    serve(CollectorRegistry(), verdicts, EVERYWHERE, HEALTH_PORT)
    leadership = Leadership(lease_api(), settings.namespace, settings.pod_name)
    # A replica that waits for the Lease is the container's first process, which SIGTERM ends only if it says so itself.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        if settings.leader_election:
            leadership.wait()
        operator.start()
        asyncio.run(
            kopf.operator(
                registry=watches.registry(operator.controller),
                standalone=True,
                clusterwide=not settings.namespaces,
                namespaces=settings.namespaces,
            )
        )
    finally:
        stop(operator, leadership)


def _verdict(fault: Callable[[], str | None]) -> Verdict:
    def verdict() -> tuple[bool, str]:
        found = fault()
        return found is None, found or "ok"

    return verdict


def stop(operator: Operator, leadership: Leadership) -> None:
    """Give the Lease up when nothing that may write is left; else it runs out by itself after this process."""
    if running := operator.stop():
        _LOG.warning("the Lease is not released, for these threads have not ended: %s", ", ".join(running))
    else:
        leadership.release()


if __name__ == "__main__":
    main()
