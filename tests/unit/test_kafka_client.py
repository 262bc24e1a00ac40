"""The Kafka client that the lock file names, beside brokers that do what real ones do for some milliseconds only.

One that was frozen for so long that its controller has given it up knows of no broker for a moment, not even of itself;
one that leads a partition or coordinates a group comes up when nobody waits for it any more.
"""

from __future__ import annotations

import socketserver
import struct
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import pytest
from confluent_kafka import KafkaException

from logpipeline.kafka.admin import KafkaAdmin, Offsets
from logpipeline.kafka.group_offsets import GroupOffsets

_LIST_OFFSETS, _METADATA, _OFFSET_FETCH, _FIND_COORDINATOR, _API_VERSIONS = 2, 3, 9, 10, 18
_UNSUPPORTED_VERSION, _LEADER_NOT_AVAILABLE = 35, 5
_OFFSET = 7
# Where a client can be lost, about one in ten is.
_CLIENTS, _AT_A_TIME = 100, 10


class _Broker(socketserver.ThreadingTCPServer):
    """One of the `brokers` of a cluster, by their numbers, with one topic; it speaks the oldest version that will do."""

    daemon_threads = True
    is_known = True

    def __init__(self, brokers: dict[int, _Broker], number: int) -> None:
        super().__init__(("127.0.0.1", 0), _Connection, bind_and_activate=False)
        # It has its port, and takes no connection before `start`.
        self.server_bind()
        self.brokers = brokers
        brokers[number] = self

    def start(self) -> None:
        self.server_activate()
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    @property
    def servers(self) -> dict[str, str]:
        return {"bootstrap.servers": f"127.0.0.1:{self.server_address[1]}"}


class _Connection(socketserver.StreamRequestHandler):
    server: _Broker

    def handle(self) -> None:
        while len(size := self.rfile.read(4)) == 4:
            request = self.rfile.read(int.from_bytes(size))
            api, version, correlation = struct.unpack(">hhi", request[:8])
            answers = {
                _LIST_OFFSETS: self._offset,
                _METADATA: self._metadata,
                _FIND_COORDINATOR: self._coordinator,
                _OFFSET_FETCH: self._committed,
            }
            body = _versions(version) if api == _API_VERSIONS else answers[api]()
            self.wfile.write(struct.pack(">ii", len(body) + 4, correlation) + body)

    def _metadata(self) -> bytes:
        known = self.server.is_known
        brokers = [self._address(number) + struct.pack(">h", -1) for number in self.server.brokers if known]
        node, error = (max(self.server.brokers), 0) if known else (-1, _LEADER_NOT_AVAILABLE)
        controller_and_count = struct.pack(">ii", node, 1)
        partition = struct.pack(">hiiiiii", error, 0, node, 1, 1, 1, 1)
        topic = struct.pack(">h", 0) + _string("test") + struct.pack(">bi", 0, 1) + partition
        return struct.pack(">i", len(brokers)) + b"".join(brokers) + controller_and_count + topic

    def _coordinator(self) -> bytes:
        return struct.pack(">h", 0) + self._address(max(self.server.brokers))

    def _offset(self) -> bytes:
        return struct.pack(">i", 1) + _string("test") + struct.pack(">iihqq", 1, 0, 0, -1, _OFFSET)

    def _committed(self) -> bytes:
        return struct.pack(">i", 1) + _string("test") + struct.pack(">iiqhh", 1, 0, _OFFSET, -1, 0)

    def _address(self, number: int) -> bytes:
        host, port = self.server.brokers[number].server_address[:2]
        return struct.pack(">i", number) + _string(str(host)) + struct.pack(">i", port)


def _string(text: str) -> bytes:
    return struct.pack(">h", len(text)) + text.encode()


def _versions(asked: int) -> bytes:
    error = _UNSUPPORTED_VERSION if asked else 0
    spoken = (
        (_LIST_OFFSETS, 0, 1),
        (_METADATA, 0, 1),
        (_OFFSET_FETCH, 0, 1),
        (_FIND_COORDINATOR, 0, 0),
        (_API_VERSIONS, 0, 0),
    )
    return struct.pack(">hi", error, len(spoken)) + b"".join(struct.pack(">hhh", *api) for api in spoken)


@contextmanager
def _cluster(size: int) -> Iterator[dict[int, _Broker]]:
    """Brokers 1 … `size`, of which the first is started; the last leads all partitions and coordinates all groups."""
    brokers: dict[int, _Broker] = {}
    with ExitStack() as stack:
        for number in range(1, size + 1):
            stack.enter_context(_Broker(brokers, number))
        brokers[1].start()
        yield brokers
        for broker in brokers.values():
            broker.shutdown()


def _brokers(admin: KafkaAdmin) -> int:
    try:
        return admin.brokers(2)
    except KafkaException:
        return 0


def _comes_back(_: int) -> bool:
    with _cluster(1) as brokers:
        broker = brokers[1]
        admin = KafkaAdmin(broker.servers)
        # By the second time it has left the address that it was given for the broker's own.
        assert [_brokers(admin), _brokers(admin)] == [1, 1]
        broker.is_known = False
        assert _brokers(admin) == 0
        broker.is_known = True
        return any(_brokers(admin) == 1 for _ in range(3))


def test_no_client_loses_a_broker_that_did_not_know_itself_for_a_moment() -> None:
    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        assert all(pool.map(_comes_back, range(_CLIENTS)))


def test_a_leader_that_does_not_answer_has_told_no_offset() -> None:
    with _cluster(2) as brokers:
        admin = KafkaAdmin(brokers[1].servers)
        with pytest.raises(KafkaException, match="does not answer"):
            admin.offsets({"test": 1}, timeout=0.5)
        brokers[2].start()
        assert admin.offsets({"test": 1}, timeout=20)["test"] == Offsets({0: _OFFSET}, {0: _OFFSET})


def test_no_process_ends_when_a_coordinator_comes_up_for_which_nobody_waits_any_more() -> None:
    with _cluster(2) as brokers:
        group = GroupOffsets(brokers[1].servers, "sink")
        for _ in range(2):
            assert group.committed("test", [0], timeout=0.7) is None
        brokers[2].start()
        assert group.committed("test", [0], timeout=20) == {0: _OFFSET}
