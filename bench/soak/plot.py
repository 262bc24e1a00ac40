"""soak.json → soak.svg: memory, batch time and lag, one above the other. Run by an interpreter with matplotlib."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import matplotlib as mpl
from matplotlib import pyplot as plt

mpl.use("svg")
# The same numbers are the same file.
mpl.rcParams["svg.hashsalt"] = "soak"
mpl.rcParams["svg.fonttype"] = "none"

TITLES = {"memory": "resident memory, MiB", "batch": "last batch, seconds", "lag": "records behind"}


def main(source: Path, target: Path) -> None:
    """Draw `source` into `target`."""
    samples = json.loads(source.read_text())
    minutes = [one["time"]["seconds"] / 60 for one in samples]
    figure, rows = plt.subplots(len(TITLES), sharex=True, figsize=(9, 9), layout="constrained")
    for axes, (group, title) in zip(rows, TITLES.items(), strict=True):
        for name in sorted({name for one in samples for name in one[group]}):
            axes.plot(minutes, [one[group].get(name) for one in samples], label=name, linewidth=1)
        axes.set_ylabel(title)
        axes.set_ylim(bottom=0)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, fontsize=8)
    rows[-1].set_xlabel("minutes")
    figure.savefig(target, metadata={"Date": None})


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
