"""From a LogPipeline to the Kubernetes objects it should have: pure, a module a component.

Every value stands as the API server would store it, so that what is desired can be compared with what is there.
"""

from logpipeline_operator.desired.build import desired
from logpipeline_operator.desired.secrets import SecretFacts
from logpipeline_operator.desired.suspension import Stage, suspended

__all__ = ["SecretFacts", "Stage", "desired", "suspended"]
