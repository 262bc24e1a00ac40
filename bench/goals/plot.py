"""results.json → results.svg: records a second, a group of bars a goal. Run by an interpreter with matplotlib."""

from __future__ import annotations

import json
import statistics
import sys
from collections import defaultdict
from pathlib import Path

import matplotlib as mpl
from matplotlib import pyplot as plt

mpl.use("svg")
# The same numbers are the same file.
mpl.rcParams["svg.hashsalt"] = "bench"
mpl.rcParams["svg.fonttype"] = "none"


def main(source: Path, target: Path) -> None:
    """Draw `source` into `target`."""
    rates: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    bounds: dict[str, list[float]] = defaultdict(list)
    for one in json.loads(source.read_text()):
        of_engine = bounds[one["engine"]] if one["bound"] else rates[one["engine"]][one["goal"]]
        of_engine.append(one["rate"])
    goals = list(dict.fromkeys(goal for of_goal in rates.values() for goal in of_goal))
    figure, axes = plt.subplots(figsize=(9, 0.9 + 0.95 * len(goals)), layout="constrained")
    height = 0.8 / len(rates)
    for number, (engine, of_goal) in enumerate(rates.items()):
        values = [statistics.median(of_goal[goal]) if goal in of_goal else 0 for goal in goals]
        places = [place + number * height for place in range(len(goals))]
        bars = axes.barh(places, values, height * 0.9, label=engine)
        axes.bar_label(bars, labels=[f"{value / 1000:.3g} k" for value in values], padding=3, fontsize=8)
    for style, (name, values) in zip(("--", ":", "-."), bounds.items(), strict=False):
        axes.axvline(statistics.median(values), color="gray", linestyle=style, linewidth=1, label=name)
    axes.set_yticks([place + 0.4 - height / 2 for place in range(len(goals))], goals)
    axes.invert_yaxis()
    axes.set_xlabel("records a second")
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(x=0.12)
    figure.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=8)
    figure.savefig(target, metadata={"Date": None})


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
