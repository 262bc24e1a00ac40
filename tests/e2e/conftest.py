"""The cluster under test: KUBECONFIG's, else the one that `make cluster-up` made."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from installation import Operator
from kubectl import Namespace, run

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session", autouse=True)
def cluster() -> None:
    """A test that needs a cluster and finds none has failed, not passed."""
    run("kubectl", "get", "--raw=/readyz", seconds=30)


@pytest.fixture(scope="session")
def new_namespace(cluster: None) -> Iterator[Callable[[str], Namespace]]:
    """Makes namespaces in which Pod Security `restricted` is enforced; all of them go in the end."""
    made: list[Namespace] = []

    def make(purpose: str) -> Namespace:
        namespace = Namespace(f"{purpose}-{uuid.uuid4().hex[:6]}")
        run("kubectl", "create", "namespace", namespace.name)
        labels = [f"pod-security.kubernetes.io/{mode}=restricted" for mode in ("enforce", "warn")]
        run("kubectl", "label", "namespace", namespace.name, *labels)
        made.append(namespace)
        return namespace

    yield make
    for namespace in made:
        run("kubectl", "delete", "namespace", namespace.name, "--ignore-not-found", "--wait=false")


@pytest.fixture(scope="session")
def operator(new_namespace: Callable[[str], Namespace]) -> Iterator[Operator]:
    """The operator, installed by the chart for all namespaces."""
    installed = Operator(new_namespace("operator"))
    installed.install()
    yield installed
    installed.uninstall()
