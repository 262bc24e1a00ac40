"""Run a program so that it ends when the process that started it does: `launcher.py SPEC.json`, in place of this one.

The spec holds argv, environment (added to what is there), folder, niceness and death_signal. It is a file because the
configuration of supervisord has no safe way to write every path. Standard library alone, without site-packages: this
runs at each start.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys

_PR_SET_PDEATHSIG = 1


def main(path: str) -> None:
    """Become the program that the file `path` names; raises OSError when it cannot be run."""
    with open(path, encoding="utf-8") as file:  # noqa: PTH123 (pathlib would double the start-up time)
        spec = json.load(file)
    if sys.platform == "linux":
        # Kept over exec. Elsewhere the next `up` ends what is left.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, spec["death_signal"], 0, 0, 0)
    os.nice(spec["niceness"])
    os.chdir(spec["folder"])
    os.execvpe(spec["argv"][0], spec["argv"], {**os.environ, **spec["environment"]})  # noqa: S606 (no shell is the point)


if __name__ == "__main__":
    main(sys.argv[1])
