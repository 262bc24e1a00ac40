"""The Kafka client that the lock file names, beside a broker that for a moment knows of no broker, not even of itself.

That is what a real one says when it was frozen for so long that its controller has given it up, but only for some
milliseconds: a broker of the test says it when it is told to.
"""

from __future__ import annotations

import socketserver
import struct
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from confluent_kafka import KafkaException

from logpipeline.kafka.admin import KafkaAdmin

_METADATA, _API_VERSIONS = 3, 18
_UNSUPPORTED_VERSION, _LEADER_NOT_AVAILABLE = 35, 5
# Where a client can be lost, about one in ten is.
_CLIENTS, _AT_A_TIME = 100, 10


class _Broker(socketserver.ThreadingTCPServer):
    """Broker 1 of a cluster of one, with one topic; it answers requests for metadata, version 1 at most."""

    daemon_threads = True
    is_known = True


class _Connection(socketserver.StreamRequestHandler):
    server: _Broker

    def handle(self) -> None:
        while len(size := self.rfile.read(4)) == 4:
            request = self.rfile.read(int.from_bytes(size))
            api, version, correlation = struct.unpack(">hhi", request[:8])
            body = _versions(version) if api == _API_VERSIONS else self._metadata()
            self.wfile.write(struct.pack(">ii", len(body) + 4, correlation) + body)

    def _metadata(self) -> bytes:
        host, port = self.server.server_address[:2]
        known = self.server.is_known
        brokers = struct.pack(">i", 1) + struct.pack(">i", 1) + _string(str(host)) + struct.pack(">ih", port, -1)
        node, error = (1, 0) if known else (-1, _LEADER_NOT_AVAILABLE)
        controller_and_count = struct.pack(">ii", node, 1)
        partition = struct.pack(">hiiiiii", error, 0, node, 1, 1, 1, 1)
        topic = struct.pack(">h", 0) + _string("test") + struct.pack(">bi", 0, 1) + partition
        return (brokers if known else struct.pack(">i", 0)) + controller_and_count + topic


def _string(text: str) -> bytes:
    return struct.pack(">h", len(text)) + text.encode()


def _versions(asked: int) -> bytes:
    error = _UNSUPPORTED_VERSION if asked else 0
    spoken = ((_API_VERSIONS, 0, 0), (_METADATA, 0, 1))
    return struct.pack(">hi", error, len(spoken)) + b"".join(struct.pack(">hhh", *api) for api in spoken)


@contextmanager
def _broker() -> Iterator[_Broker]:
    with _Broker(("127.0.0.1", 0), _Connection) as broker:
        threading.Thread(target=broker.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield broker
        broker.shutdown()


def _brokers(admin: KafkaAdmin) -> int:
    try:
        return admin.brokers(2)
    except KafkaException:
        return 0


def _comes_back(_: int) -> bool:
    with _broker() as broker:
        admin = KafkaAdmin({"bootstrap.servers": f"127.0.0.1:{broker.server_address[1]}"})
        # By the second time it has left the address that it was given for the broker's own.
        assert [_brokers(admin), _brokers(admin)] == [1, 1]
        broker.is_known = False
        assert _brokers(admin) == 0
        broker.is_known = True
        return any(_brokers(admin) == 1 for _ in range(3))


def test_no_client_loses_a_broker_that_did_not_know_itself_for_a_moment() -> None:
    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        assert all(pool.map(_comes_back, range(_CLIENTS)))
