"""What is said of an error in one line."""

from __future__ import annotations

import pytest

from logpipeline.errors import first_line


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("no such topic"), "no such topic"),
        (ValueError("\nno such topic\nat Broker.java:7"), "no such topic"),
        (TimeoutError(), "TimeoutError"),
        (OSError("\n"), "OSError"),
    ],
)
def test_an_error_is_told_in_a_line_that_is_never_empty(error: Exception, line: str) -> None:
    assert first_line(error) == line
