"""Which ports a run takes."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

from logpipeline.errors import LogPipelineError
from logpipeline.local.ports import PortRequest, answers, any_free, choose_ports, is_free

KAFKA = PortRequest("kafka", 9092, "spec.kafka.managed.port")
CONTROLLER = PortRequest("kafka-controller")


def fixed(port: int) -> PortRequest:
    return PortRequest("kafka", 9092, "spec.kafka.managed.port", port)


def counter(*ports: int) -> Callable[[], int]:
    left = iter(ports)
    return lambda: next(left)


@pytest.mark.parametrize(
    ("requests", "last", "taken", "expected"),
    [
        ([KAFKA], {}, set(), {"kafka": 9092}),
        ([KAFKA], {}, {9092}, {"kafka": 50001}),
        ([KAFKA], {"kafka": 40000}, set(), {"kafka": 40000}),
        ([KAFKA], {"kafka": 40000}, {40000}, {"kafka": 9092}),
        ([KAFKA], {"kafka": 40000}, {40000, 9092}, {"kafka": 50001}),
        ([fixed(7000)], {"kafka": 40000}, set(), {"kafka": 7000}),
        ([CONTROLLER], {}, set(), {"kafka-controller": 50001}),
        ([CONTROLLER], {"kafka-controller": 40000}, set(), {"kafka-controller": 40000}),
        # The fixed one wins over another that has the same usual or last port.
        ([PortRequest("goals", 7000), fixed(7000)], {}, set(), {"kafka": 7000, "goals": 50001}),
        ([CONTROLLER, fixed(7000)], {"kafka-controller": 7000}, set(), {"kafka": 7000, "kafka-controller": 50001}),
        ([PortRequest("a", 9092), PortRequest("b", 9092)], {}, set(), {"a": 9092, "b": 50001}),
    ],
)
def test_the_port_is_fixed_or_the_last_or_the_usual_or_a_free_one(
    requests: list[PortRequest], last: dict[str, int], taken: set[int], expected: dict[str, int]
) -> None:
    assert choose_ports(requests, last, lambda port: port not in taken, counter(50001, 50002)) == expected


def test_a_free_port_is_given_once() -> None:
    ports = choose_ports([PortRequest("a"), PortRequest("b")], {}, lambda _: True, counter(50001, 50001, 50002))
    assert ports == {"a": 50001, "b": 50002}


def test_a_fixed_port_that_is_taken_is_an_error_with_field_port_and_program() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(LogPipelineError) as error:
            choose_ports([fixed(port)], {}, is_free, any_free)
    assert error.value.message.startswith(f"spec.kafka.managed.port: port {port} is taken by ")
    assert "(pid " in error.value.message


def test_two_fields_cannot_have_one_port() -> None:
    other = PortRequest("connect", 8083, "spec.sink.connect.port", 7000)
    with pytest.raises(LogPipelineError, match=r"^spec\.sink\.connect\.port: port 7000 is taken"):
        choose_ports([fixed(7000), other], {}, lambda _: True, any_free)


def test_a_port_is_free_until_somebody_listens() -> None:
    port = any_free()
    assert is_free(port)
    assert not answers("127.0.0.1", port)
    with socket.create_server(("127.0.0.1", port)):
        assert not is_free(port)
        assert answers("127.0.0.1", port)
