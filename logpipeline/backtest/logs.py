"""What a backtest reads: logs of which each has a clock of its own, like a partition of a topic."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import pyarrow as pa


class Block(Protocol):
    """Some records of a log, in order: their raw bytes, and Kafka's timestamps (epoch milliseconds) or what stands for
    them.
    """

    @property
    def values(self) -> pa.Array:
        """The raw bytes."""

    @property
    def arrival_ms(self) -> pa.Array:
        """When each arrived."""

    def place(self, row: int) -> Mapping[str, Any]:
        """Return where a record is to be found, for the account of the invalid ones."""


class Log(Protocol):
    """One log, read once from its beginning to its end. `size` and `position` are in one unit, bytes or records; the
    size of a pipe is None.
    """

    name: str
    size: int | None
    too_long: int
    empty: int

    @property
    def remarks(self) -> Sequence[str]:
        """What could not be read of it, and what was passed over, so far: lines that name it."""

    def position(self) -> int:
        """Return how far it is read."""

    def blocks(self) -> Iterator[Block]:
        """Yield its records."""

    def is_empty(self) -> bool:
        """Return whether nothing was there to read."""

    def close(self) -> None:
        """Give back what it holds."""


Open = Callable[[], Log]
"""Opens a log; raises LogPipelineError when it cannot be read."""
