"""Access-log records for the raw topic: made up (`generate`) or replayed from files (`produce`)."""
