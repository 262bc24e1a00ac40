"""The goals on Spark Structured Streaming: thin, the rules themselves are in `logpipeline.kernel`."""
