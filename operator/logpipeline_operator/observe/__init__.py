"""What is known of a pipeline: the facts as data, and the thin shells that ask Kafka, the goals, Connect and
Elasticsearch for them.
"""
