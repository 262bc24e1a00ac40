"""The operator: LogPipeline resources become Kubernetes objects, and a status that comes from the data path."""
