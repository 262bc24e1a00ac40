"""The document that a component is started with: written by what starts it, read by its process."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import orjson
import yaml
from pydantic import ValidationError

from logpipeline.api.base import Model
from logpipeline.errors import LogPipelineError

AnyModel = TypeVar("AnyModel", bound=Model)


def to_text(settings: Model) -> str:
    """Return the document that `read_settings` reads back."""
    return yaml.safe_dump(settings.model_dump(mode="json", by_alias=True, exclude_defaults=True))


def read_settings(path: Path, model: type[AnyModel]) -> AnyModel:
    """Return the settings in the file `path`; raises LogPipelineError, naming field and fault, for any other file."""
    try:
        # As JSON, in which text may be a path although models are strict.
        return model.model_validate_json(orjson.dumps(yaml.safe_load(path.read_text(encoding="utf-8"))))
    except (OSError, yaml.YAMLError) as error:
        raise LogPipelineError(f"{path}: cannot be read: {error}") from error
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise LogPipelineError(f"{path}: {faults}") from error
