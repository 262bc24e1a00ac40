"""LogPipeline: one custom resource from access log to alert."""

__version__ = "0.1.0"
