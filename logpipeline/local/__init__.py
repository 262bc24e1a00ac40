"""The local runtime: a pipeline as processes on one machine, with real Kafka, Connect, Elasticsearch and Spark.

From the bottom up: `state` (the folder that holds everything), `prerequisites`, `ports` and `secrets` (what the machine
gives), `components` (resource → processes), `supervision` and `leftovers` (keeping them alive, ending them), `parts`
(what is ready, what is next), `facts` (what is known), `view`, `lines` and `summary` (what is shown), `session` (one
run), `cli`.
"""
