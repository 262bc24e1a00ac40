"""What the pipeline asks of Kafka: topics, brokers, Connect workers and clients, as data; and the thin client that
applies it.

Both runtimes use it, so nothing here knows where a process runs.
"""
