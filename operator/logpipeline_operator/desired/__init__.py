"""From a LogPipeline to the Kubernetes objects it should have: pure, a module a component."""
