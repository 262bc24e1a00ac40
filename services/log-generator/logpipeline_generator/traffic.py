"""The stream as columns: what is asked for, when each request is due and what it says.

The stream is cut into blocks by record number; each block draws from its own random generator, seeded by the stream's
seed and the block's number. So a record depends on the settings alone, not on how much is read at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from logpipeline_generator import vocabulary
from logpipeline_generator.offenders import OFFENDING_HOSTS, Offence, offences
from logpipeline_generator.pattern import Pattern
from logpipeline_generator.population import CappedZipf, client_addresses

Integers = NDArray[np.int64]

_BLOCK_SECONDS, _BLOCK_RECORDS = 10, 8192
_SERVERS = 8
_MEAN_REQUEST_SECONDS, _REQUEST_SHAPE = 0.3, 2.0


class Columns(NamedTuple):
    """Requests in the order in which they are written; times in microseconds from the start of the stream."""

    due: Integers
    event: Integers
    """When the request says it happened: `due`, or before it when the record is late or out of order."""
    server: Integers
    address: Integers
    method: Integers
    status: Integers
    request_time: Integers
    """Hundredths of a second."""
    host: Integers
    """An ordinary host's number, or the number of ordinary hosts plus that of an offending one."""
    country: Integers
    fault: Integers
    """Which kind of malformed record this is; -1: well formed."""
    offence: Integers
    """Number of the offence this request belongs to; -1: ordinary."""

    def part(self, start: int, end: int) -> Columns:
        """The requests start … end-1, without a copy."""
        return Columns(*(column[start:end] for column in self))


@dataclass(frozen=True)
class Traffic:
    """Everything the stream depends on, but for the epoch second at which it starts."""

    pattern: Pattern
    seed: int
    clients: CappedZipf
    hosts: CappedZipf
    malformed_share: float = 0.0
    late_share: float = 0.0
    late_by: float = 60.0
    out_of_order_share: float = 0.0
    disorder: float = 2.0
    offenders_every: float = 30.0

    def blocks(self) -> Iterator[Columns]:
        """The stream without end; offenders come on top of the ordinary rate."""
        size = int(min(_BLOCK_RECORDS, max(16, self.pattern.rate * _BLOCK_SECONDS)))
        number = 0
        while True:
            yield self._block(number, size)
            number += 1

    def _block(self, number: int, size: int) -> Columns:
        random = np.random.Generator(np.random.SFC64([self.seed, 0, number]))
        due = self.pattern.due(number * size, size + 1)
        bursts = list(offences(self.seed, self.offenders_every, float(due[0]), float(due[-1])))
        ordinary = self._ordinary(random, due[:-1])
        parts = [ordinary, *(self._offending(random, burst, float(due[0]), float(due[-1])) for burst in bursts)]
        if len(parts) == 1:
            return ordinary
        merged = Columns(*(np.concatenate(column) for column in zip(*parts, strict=True)))
        order = np.argsort(merged.due, kind="stable")
        return Columns(*(column[order] for column in merged))

    def _ordinary(self, random: np.random.Generator, due: NDArray[np.float64]) -> Columns:
        size = len(due)
        fate = random.random(size)
        malformed = fate < self.malformed_share
        late = ~malformed & (fate < self.malformed_share + self.late_share)
        early_limit = self.malformed_share + self.late_share
        out_of_order = (fate >= early_limit) & (fate < early_limit + self.out_of_order_share)
        behind = late * self.late_by + out_of_order * random.random(size) * self.disorder
        return Columns(
            due=_microseconds(due),
            event=_microseconds(due - behind),
            server=random.integers(0, _SERVERS, size),
            address=client_addresses(self.clients.draw(random.random(size))),
            method=vocabulary.METHODS.draw(random, size),
            status=vocabulary.STATUSES.draw(random, size),
            request_time=_hundredths(random, size),
            host=self.hosts.draw(random.random(size)),
            country=vocabulary.COUNTRIES.draw(random, size),
            fault=np.where(malformed, random.integers(0, vocabulary.FAULT_KINDS, size), -1),
            offence=np.full(size, -1),
        )

    def _offending(self, random: np.random.Generator, offence: Offence, start: float, end: float) -> Columns:
        """The requests of `offence` that are due in [start, end)."""
        here = (offence.due >= start) & (offence.due < end)
        due = _microseconds(offence.due[here])
        size = len(due)
        if offence.kind.goal == "host-errors":
            status = random.choice(vocabulary.CLIENT_ERRORS, size)
            host = np.full(size, self.hosts.size + offence.number // 2 % OFFENDING_HOSTS)
        else:  # no errors: they would count against the hosts that it visits
            status = np.zeros(size, np.int64)
            host = self.hosts.draw(random.random(size))
        return Columns(
            due=due,
            event=due,
            server=random.integers(0, _SERVERS, size),
            address=offence.addresses()[here],
            method=vocabulary.METHODS.draw(random, size),
            status=status,
            request_time=_hundredths(random, size),
            host=host,
            country=vocabulary.COUNTRIES.draw(random, size),
            fault=np.full(size, -1),
            offence=np.full(size, offence.number),
        )


def _microseconds(seconds: NDArray[np.float64]) -> Integers:
    return np.rint(seconds * 1e6).astype(np.int64)


def _hundredths(random: np.random.Generator, size: int) -> Integers:
    """Request times: gamma, mean 0.3 s, a tail of a few seconds, none above 29.99 s."""
    seconds = random.gamma(_REQUEST_SHAPE, _MEAN_REQUEST_SECONDS / _REQUEST_SHAPE, size)
    return np.minimum((seconds * 100).astype(np.int64), vocabulary.REQUEST_TIMES - 1)
