"""The cluster under test: KUBECONFIG's, else the one that `make cluster-up` made."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest

from installation import Operator
from kubectl import Namespace, run


def pytest_exception_interact(
    node: pytest.Item | pytest.Collector, report: pytest.TestReport | pytest.CollectReport
) -> None:
    """Tell a failure when it happens: pytest's own list comes at the end, which a run that is cut off never sees."""
    node.config.get_terminal_writer().line(f"\n{node.nodeid}:\n{report.longreprtext}")


@contextmanager
def restricted(purpose: str) -> Iterator[Namespace]:
    """A namespace in which Pod Security `restricted` is enforced; the next test needs what its pods take of the node."""
    namespace = Namespace(f"{purpose}-{uuid.uuid4().hex[:6]}")
    run("kubectl", "create", "namespace", namespace.name)
    labels = [f"pod-security.kubernetes.io/{mode}=restricted" for mode in ("enforce", "warn")]
    run("kubectl", "label", "namespace", namespace.name, *labels)
    try:
        yield namespace
    finally:
        removal = ("kubectl", "delete", "namespace", namespace.name, "--ignore-not-found")
        run(*removal, "--wait=false")
        # Nobody needs what they still have to do.
        namespace.kubectl("delete", "pods", "--all", "--force", "--grace-period=0")
        run(*removal, "--timeout=180s", seconds=200)


@pytest.fixture(scope="session", autouse=True)
def cluster() -> None:
    """A test that needs a cluster and finds none has failed, not passed."""
    run("kubectl", "get", "--raw=/readyz", seconds=30)


@pytest.fixture(scope="module")
def new_namespace(cluster: None) -> Iterator[Callable[[str], Namespace]]:
    """Makes namespaces that go with the module."""
    with ExitStack() as stack:
        yield lambda purpose: stack.enter_context(restricted(purpose))


@pytest.fixture(scope="module")
def operator(cluster: None) -> Iterator[Operator]:
    """The operator, installed by the chart for all namespaces; gone before a module that installs its own."""
    with restricted("operator") as namespace:
        installed = Operator(namespace)
        installed.install()
        yield installed
        try:
            installed.check()
        finally:
            # What is left of it would be in the way of the next one.
            installed.uninstall()
