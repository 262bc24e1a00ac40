"""The notebooks run, and print what is stored in them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "scripts" / "notebooks.py"


def test_the_notebooks_print_what_is_stored_in_them() -> None:
    command = [sys.executable, str(SCRIPT), "--check"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert ran.returncode == 0, ran.stderr
