"""The LogPipeline resource: models, presets, reading and the CRD.

The Pydantic models here are the one source of the resource's shape; the CRD and the reference documentation are
generated from them.
"""

from logpipeline.api.condition import Condition
from logpipeline.api.goal import Aggregate, Goal, Having, Window
from logpipeline.api.reading import load, load_accepted, parse, parse_stored
from logpipeline.api.resource import API_VERSION, KIND, LogPipeline

__all__ = [
    "API_VERSION",
    "KIND",
    "Aggregate",
    "Condition",
    "Goal",
    "Having",
    "LogPipeline",
    "Window",
    "load",
    "load_accepted",
    "parse",
    "parse_stored",
]
