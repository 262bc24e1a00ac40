"""The lake: where it is, what its tables are, and what its writer is started with."""
