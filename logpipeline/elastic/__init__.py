"""What the pipeline asks of Elasticsearch: the node's settings, the index template, retention; and the thin client that
applies it.
"""
