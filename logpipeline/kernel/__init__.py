"""The goals' kernel: from raw bytes to results, without Spark.

    read (records)  →  count by pane (cells)  →  window (windows)  →  emit (results)

Everything is a pure function of columns; `shard` strings them together over a state. The live stream runs it inside
Spark's Python workers, backtest in a plain loop; so a rule gives the same results over history as it gives live.
"""

import os

# One thread for each task: the scheduler above (Spark's cores, backtest's processes) owns the machine's parallelism.
os.environ.setdefault("POLARS_MAX_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")
