"""Run the notebooks of docs/notebooks and store what they print; with --check, only compare."""

from __future__ import annotations

import argparse
import copy
import sys
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client import AsyncKernelManager
from nbclient import NotebookClient

FOLDER = Path(__file__).parents[1] / "docs" / "notebooks"
_CELL_SECONDS = 120


def executed(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Return a notebook with the outputs of its cells; raises CellExecutionError for one that fails."""
    ran = copy.deepcopy(notebook)
    # Through a socket that this user alone can open.
    kernel = AsyncKernelManager(kernel_name="python3", transport="ipc")
    NotebookClient(ran, kernel, timeout=_CELL_SECONDS, record_timing=False).execute()
    return ran


def outputs(notebook: nbformat.NotebookNode) -> list[Any]:
    """Return what the cells of a notebook have printed and returned."""
    return [[output.get("text") or output.get("data") for output in cell.get("outputs", [])] for cell in notebook.cells]


def main() -> None:
    """Run them all."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="say which are stale, and write nothing")
    check = parser.parse_args().check
    stale = []
    for path in sorted(FOLDER.glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        ran = executed(notebook)
        if outputs(ran) != outputs(notebook):
            stale.append(path.name)
        if not check:
            nbformat.write(ran, path)
    if check and stale:
        sys.exit(f"error: {', '.join(stale)}: the outputs are stale: run `make notebooks`")


if __name__ == "__main__":
    main()
