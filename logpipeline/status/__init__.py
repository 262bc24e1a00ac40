"""How a pipeline is, wherever it runs: one view of a run on this machine and of a resource on a cluster."""
