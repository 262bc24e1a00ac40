"""How a log is written: the `source` of a resource that reads it."""
