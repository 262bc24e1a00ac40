"""`python -m logpipeline_operator`: the operator's process."""

from __future__ import annotations

import asyncio
import logging
import sys

import kopf
from prometheus_client import start_http_server

from logpipeline.errors import LogPipelineError
from logpipeline_operator import configuration, crds, health, logs, watches
from logpipeline_operator.assembly import LOOKS, Operator
from logpipeline_operator.cluster.client import ApiError, Client
from logpipeline_operator.leader import Leadership
from logpipeline_operator.metrics import REGISTRY

METRICS_PORT = 8080
_LOG = logging.getLogger("logpipeline_operator")


def main() -> None:
    """Run until SIGTERM; exit code 2 for a configuration that cannot work."""
    try:
        _run(configuration.from_environment())
    except LogPipelineError as error:
        error.show()
        sys.exit(error.exit_code)
    except ApiError as error:
        _LOG.error("the API server refuses to let the operator start: %s", error)
        sys.exit(1)


def _run(settings: configuration.Configuration) -> None:
    logs.set_up(settings.log_level, settings.log_format)
    crds.check(crds.connect())
    operator = Operator(settings, Client(connections=(1 + LOOKS) * settings.workers + 4))
    start_http_server(METRICS_PORT, registry=REGISTRY)
    health.serve(live=operator.fault, ready=operator.starting)
    leadership = Leadership(settings.namespace, settings.pod_name)
    if settings.leader_election:
        leadership.wait()
    operator.start()
    try:
        asyncio.run(
            kopf.operator(
                registry=watches.registry(operator.controller),
                standalone=True,
                clusterwide=not settings.namespaces,
                namespaces=settings.namespaces,
            )
        )
    finally:
        operator.stop()
        leadership.release()


if __name__ == "__main__":
    main()
