"""SQL over the tables of a lake, without a JVM."""
