"""Errors that a user can act on.

    LogPipelineError            one clear line on stderr, exit code 2
    └── ResourceError           the resource is not usable; one line a fault

Everything else that escapes is a defect of ours and shows its stack trace.
"""

from __future__ import annotations

from logpipeline.plain import ClearError


class LogPipelineError(ClearError):
    """Bad input or a missing prerequisite: says what is wrong and what to do about it."""


def first_line(error: Exception) -> str:
    """The first line of what `error` says; the name of its type if it says nothing, as a bare TimeoutError does."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


class ResourceError(LogPipelineError):
    """A LogPipeline resource that cannot be read or does not hold together."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults
