"""From observed facts to conditions and status: pure."""
