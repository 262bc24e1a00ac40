"""Servers that all integration tests share: started when the first test asks for them, stopped at the end."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from processes import Broker, ConnectWorker, Elasticsearch


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    broker = Broker(tmp_path_factory.mktemp("kafka"))
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture(scope="session")
def elasticsearch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Elasticsearch]:
    node = Elasticsearch(tmp_path_factory.mktemp("elasticsearch"))
    node.start()
    yield node
    node.stop()


@pytest.fixture(scope="session")
def connect(tmp_path_factory: pytest.TempPathFactory, kafka: Broker) -> Iterator[ConnectWorker]:
    worker = ConnectWorker(tmp_path_factory.mktemp("connect"), kafka.bootstrap_servers)
    worker.start()
    yield worker
    worker.stop()


@pytest.fixture
def topic() -> str:
    """A name that no other test uses; the topic itself is not created."""
    return f"test-{uuid.uuid4().hex[:12]}"
