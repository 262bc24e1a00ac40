"""requirements.lock holds what pyproject.toml asks for: an environment in which a package is there by chance hides that it does not."""

from importlib.metadata import requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

LOCK = Path(__file__).parents[2] / "requirements.lock"


def test_each_requirement_is_pinned_to_a_version_that_it_allows() -> None:
    pins = {canonicalize_name(pin.name): pin for pin in map(Requirement, LOCK.read_text().split())}
    wanted = [wish for wish in map(Requirement, requires("logpipeline") or ()) if wish.name != "logpipeline"]
    assert len(wanted) > 20
    missing = [str(wish) for wish in wanted if canonicalize_name(wish.name) not in pins]
    assert not missing
    pinned = [(wish, str(pins[canonicalize_name(wish.name)].specifier)[2:]) for wish in wanted]
    refused = [str(wish) for wish, version in pinned if not wish.specifier.contains(version)]
    assert not refused
