"""What a terminal is given: data as text, whatever is in it, and our signs on a terminal that lacks them."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from rich.table import Table

from logpipeline.errors import LogPipelineError
from logpipeline.plain import CommandGroup, plain, plain_json
from logpipeline.terminal import Terminal, styled

SHOWN = [
    ("/forum?q=[/url]", "/forum?q=[/url]"),
    ("[bold]x[/bold] :warning:", "[bold]x[/bold] :warning:"),
    ("\x1b]0;owned\x07\x1b[2J", r"\x1b]0;owned\x07\x1b[2J"),
    ("\x9b31m\x7f", r"\x9b31m\x7f"),
    ("abc\u202etxt.exe\u2066", r"abc\u202etxt.exe\u2066"),
    ("two\nlines\r\tand a tab", r"two\nlines\r\tand a tab"),
    ("line\u2028end", r"line\u2028end"),
    ("acc\udce9s.log", r"acc\xe9s.log"),
    ("half \ud800 a pair", r"half \ud800 a pair"),
    ("путь/中文/é", "путь/中文/é"),
]


@pytest.mark.parametrize(("data", "shown"), SHOWN)
def test_data_is_shown_as_text(data: str, shown: str) -> None:
    assert plain(data) == shown
    output = io.StringIO()
    terminal = Terminal(file=output, width=100, force_terminal=True, color_system=None)
    table = Table(data, box=None, pad_edge=False, padding=0)
    table.add_row(data)
    table.add_row(styled(data, "bold"))
    terminal.print(data)
    terminal.print(table)
    assert [line.rstrip() for line in output.getvalue().splitlines()] == [shown] * 4


@pytest.mark.parametrize(
    ("document", "shown"),
    [
        ('{"path":"/a b"}', '{"path":"/a b"}'),
        ('{"a":"\x7f\x85\u202e"}', r'{"a":"\u007f\u0085\u202e"}'),
        ('{"a":\t"é \U000e0001"}', '{"a":\t"é ' + r'\udb40\udc01"}'),
    ],
)
def test_json_keeps_its_meaning(document: str, shown: str) -> None:
    assert plain_json(document.encode()).decode() == shown
    assert json.loads(shown) == json.loads(document)


@pytest.mark.parametrize(
    "error", [LogPipelineError("no file \x1b[2J\x85 here"), click.UsageError("no file \x1b[2J\x85")]
)
def test_errors_that_quote_data(error: click.ClickException) -> None:
    group = CommandGroup("some")

    @group.command()
    def fail() -> None:
        raise error

    result = CliRunner().invoke(group, ["fail"])
    assert result.exit_code == 2
    assert r"rror: no file \x1b[2J\x85" in result.stderr


RESOURCE = """
apiVersion: logpipeline.dev/v1alpha1
kind: LogPipeline
metadata: {name: p}
spec:
  kafka: {managed: {}}
  source: {format: combined}
  goals: [{name: by-path, groupBy: [path], window: {size: 60s}}, {name: client-rate, preset: client-rate}]
"""


@pytest.mark.parametrize(
    ("encoding", "row"),
    [
        ("utf-8", ["client-rate", "0", "0", "–", "–", "–"]),
        ("latin-1", ["client-rate", "0", "0", "-", "-", "-"]),
        ("ascii", ["client-rate", "0", "0", "-", "-", "-"]),
    ],
)
def test_a_terminal_with_few_signs(tmp_path: Path, encoding: str, row: list[str]) -> None:
    (tmp_path / "p.yaml").write_text(RESOURCE)
    line = '192.0.2.1 - - [01/May/2024:12:00:00 +0000] "GET /п[/b] HTTP/1.1" 200 12 "-" "-"\n'
    (tmp_path / "access.log").write_text(line)
    command = [sys.executable, "-m", "logpipeline", "backtest", "-f", "p.yaml", "--input", "access.log"]
    done = subprocess.run(
        [*command, "--output", "out"],
        cwd=tmp_path,
        env={"PYTHONIOENCODING": encoding, "PATH": "/usr/bin"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.decode(encoding).splitlines()
    assert lines[1].split()[-1] == ("/п[/b]" if encoding == "utf-8" else r"/\u043f[/b]")
    assert lines[2].split() == row


@pytest.mark.parametrize("write", ["say('x')", "write('x')", "Terminal().print('x')"])
def test_a_full_disk_is_one_clear_line(write: str) -> None:
    code = f"""
import click
from logpipeline.plain import CommandGroup, say, write
from logpipeline.terminal import Terminal
group = CommandGroup("g")
group.add_command(click.Command("c", callback=lambda: {write}))
group.main(["c"])
"""
    with open("/dev/full", "wb") as full:
        done = subprocess.run([sys.executable, "-c", code], stdout=full, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (2, b"error: <stdout>: cannot be written: No space left on device\n")


def test_an_error_that_nobody_can_be_shown_is_still_an_exit_code(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text("kind: Pod")
    command = [sys.executable, "-m", "logpipeline", "validate", "-f", str(tmp_path / "p.yaml")]
    with open("/dev/full", "wb") as full:
        assert subprocess.run(command, stderr=full, check=False).returncode == 2
