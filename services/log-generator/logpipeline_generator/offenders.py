"""Offenders: bursts that goals client-rate and host-errors must find, and the ground truth that lists them.

Every `offenders_every` seconds one client address sends 30 requests in 8 s and one host answers 40 requests with 4xx in
10 s. Both are over twice the goal's threshold within half its window, so that they are found whatever way the windows
are cut. The addresses come from the networks kept for documentation (RFC 5737), which no ordinary client has.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

import numpy as np
from numpy.typing import NDArray

_NETWORKS = {
    "requesters": 0xC0000200,
    "first": 0xCB007100,
    "second": 0xC6336400,
}  # 192.0.2.0, 203.0.113.0, 198.51.100.0
_HOSTS_IN_A_NETWORK = 254
OFFENDING_CLIENTS = 2 * _HOSTS_IN_A_NETWORK
OFFENDING_HOSTS = 1000
"""Keys are used in turn, then again: an endless stream must not grow the state of a goal for ever."""


@dataclass(frozen=True)
class Kind:
    """What the offences against one goal look like."""

    goal: str
    threshold: int
    requests: int
    seconds: float
    first: float
    """Seconds from the start of the stream to the first offence's earliest start."""


KINDS = (Kind("client-rate", 10, 30, 8.0, 0.5), Kind("host-errors", 15, 40, 10.0, 1.0))
JITTER_SECONDS = 0.5


@dataclass(frozen=True)
class Offence:
    """One burst: `number` counts the offences of both kinds, even for client-rate, odd for host-errors."""

    number: int
    due: NDArray[np.float64]
    """Seconds from the start of the stream, ascending, one a request."""

    @property
    def kind(self) -> Kind:
        """What this offence looks like."""
        return KINDS[self.number % 2]

    @property
    def key(self) -> str:
        """The group key by which the goal reports the offender."""
        turn = self.number // 2
        if self.kind.goal == "host-errors":
            return f"offender-{turn % OFFENDING_HOSTS}.example.com"
        return ".".join(str(octet) for octet in int(offending_address(turn)).to_bytes(4))

    def addresses(self) -> NDArray[np.int64]:
        """The client address of each request."""
        turn, size = self.number // 2, len(self.due)
        if self.kind.goal == "client-rate":
            return np.full(size, offending_address(turn))
        # many clients, in turn, so that the burst of a host is none of a client
        return _NETWORKS["requesters"] + 1 + (turn * size + np.arange(size)) % _HOSTS_IN_A_NETWORK


def offending_address(turn: int) -> int:
    """The address (as an integer) of the client-rate offender number `turn`."""
    network, host = divmod(turn % OFFENDING_CLIENTS, _HOSTS_IN_A_NETWORK)
    return (_NETWORKS["second"] if network else _NETWORKS["first"]) + 1 + host


def offences(seed: int, every: float, start: float, end: float) -> Iterator[Offence]:
    """The offences that have a request in [start, end) seconds of the stream; none when `every` is 0."""
    if every <= 0:
        return
    longest = max(kind.first + kind.seconds for kind in KINDS) + JITTER_SECONDS
    for turn in range(max(0, int((start - longest) // every)), int(end // every) + 1):
        for which, kind in enumerate(KINDS):
            number = 2 * turn + which
            random = np.random.Generator(np.random.SFC64([seed, 1, number]))
            begin = turn * every + kind.first + random.random() * JITTER_SECONDS
            due = begin + (np.arange(kind.requests) + random.random(kind.requests)) * (kind.seconds / kind.requests)
            if due[-1] >= start and due[0] < end:
                yield Offence(number, due)


class GroundTruth:
    """Writes a JSON line for each offence that is in the stream, once its last request is out.

    An offence that the end of the stream cuts short is listed with the requests that made it, if they pass the
    threshold.
    """

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._open: dict[int, tuple[int, int, int]] = {}

    def saw(self, numbers: NDArray[np.int64], times: NDArray[np.int64]) -> None:
        """Count the requests just put on the stream: their offence numbers and event times (epoch microseconds)."""
        for number in np.unique(numbers).tolist():
            mine = times[numbers == number]
            start, _, requests = self._open.get(number, (int(mine.min()), 0, 0))
            self._open[number] = (start, int(mine.max()), requests + len(mine))
            if requests + len(mine) == KINDS[number % 2].requests:
                self._write(number)

    def forget_open(self) -> None:
        """Drop the offences under way: their requests were torn apart, so they need not pass the threshold."""
        self._open.clear()

    def close(self) -> None:
        """List what the end cut short, and close the file."""
        for number in list(self._open):
            if self._open[number][2] > KINDS[number % 2].threshold:
                self._write(number)
        self._file.close()

    def _write(self, number: int) -> None:
        start, end, requests = self._open.pop(number)
        offence = Offence(number, np.empty(0))
        line = {
            "goal": offence.kind.goal,
            "key": offence.key,
            "start": start / 1e6,
            "end": end / 1e6,
            "requests": requests,
        }
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()
