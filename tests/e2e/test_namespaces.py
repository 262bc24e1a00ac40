"""An operator for some namespaces, one of which is deleted: the other works on, and the deleted one when it is back."""

from __future__ import annotations

from collections.abc import Callable

from installation import Operator
from kubectl import Namespace, kubectl, wait_for
from pipelines_on_cluster import Pipeline, resource


def test_a_namespace_that_is_deleted_stops_no_other_one(new_namespace: Callable[[str], Namespace]) -> None:
    release, kept, gone = (new_namespace(purpose) for purpose in ("release", "kept", "gone"))
    operator = Operator(release)
    values = (f"watchNamespaces={{{kept.name},{gone.name}}}",)
    # A suspended pipeline has objects and a status, and needs no pods.
    pipelines = [Pipeline(namespace, resource("asleep", "client-rate", suspend=True)) for namespace in (kept, gone)]
    refused = ("logpipeline_operator_list_errors_total", (("watched_namespace", gone.name),))

    def assert_reconciles(pipeline: Pipeline, value: str) -> None:
        pipeline.patch("/spec/source/maxFutureSkew", value)
        pipeline.wait("Ready", "False", seconds=60)

    operator.install(*values)
    try:
        for pipeline in pipelines:
            pipeline.apply()
            pipeline.wait("Ready", "False", seconds=60)
        kubectl("delete", "namespace", gone.name, "--timeout=120s", seconds=140)
        assert_reconciles(pipelines[0], "2m")

        # One that starts meanwhile lists and watches what it may not.
        release.delete("pod", operator.pod())
        assert_reconciles(pipelines[0], "3m")
        wait_for("the refused lists to be counted", lambda: operator.metrics().get(refused, 0) >= 2, 60)
        started = operator.pod()

        kubectl("create", "namespace", gone.name)
        operator.install(*values)
        pipelines[1].apply()
        pipelines[1].wait("Ready", "False", seconds=180)
        assert_reconciles(pipelines[0], "4m")
        assert operator.pod() == started
        operator.check()
    finally:
        operator.uninstall()
