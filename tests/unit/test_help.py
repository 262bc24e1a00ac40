"""Every command explains itself."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from logpipeline.cli import main
from logpipeline.status.cli import plugin

COMMANDS = [[name] for name in main.list_commands(click.Context(main))]


@pytest.mark.parametrize("command", [[], *COMMANDS], ids=" ".join)
def test_help_is_laid_out_as_it_was_written(command: list[str]) -> None:
    result = CliRunner().invoke(main, [*command, "--help"])
    assert result.exit_code == 0
    assert "Usage:" in result.output
    # What click did not take for its mark stands there as text.
    assert "\\b" not in result.output


def test_the_plugin_is_called_as_kubectl_calls_it() -> None:
    result = CliRunner().invoke(plugin, ["status", "--help"], prog_name="kubectl logpipeline")
    assert result.output.startswith("Usage: kubectl logpipeline status [OPTIONS] NAME")
