"""The Secret of a store of objects: its keys, and what delta-rs takes of them."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from logpipeline.errors import LogPipelineError

KEYS = ("accessKey", "secretKey", "sessionToken", "endpoint", "region", "ca.crt")
# What S3 servers that are not AWS's take for their region.
ANY_REGION = "us-east-1"
_OPTIONS = {
    "accessKey": "AWS_ACCESS_KEY_ID",
    "secretKey": "AWS_SECRET_ACCESS_KEY",
    "sessionToken": "AWS_SESSION_TOKEN",
    "endpoint": "AWS_ENDPOINT_URL",
    "region": "AWS_REGION",
}


def check(values: Mapping[str, str], field: str) -> None:
    """Raise LogPipelineError, naming a key, where the entries of the Secret that `field` names do not hold together."""
    if unknown := sorted(set(values).difference(KEYS)):
        raise LogPipelineError(f"{field}: the Secret has {', '.join(unknown)}; its keys are {', '.join(KEYS)}")
    if ("accessKey" in values) != ("secretKey" in values):
        raise LogPipelineError(f"{field}: the Secret has one of accessKey and secretKey; give both, or neither")
    if "endpoint" in values and urlsplit(values["endpoint"]).scheme not in ("http", "https"):
        raise LogPipelineError(f"{field}: endpoint in the Secret is not an address; write http(s)://host:port")


def delta_rs_options(values: Mapping[str, str]) -> dict[str, str]:
    """Return the storage options of delta-rs for the entries of the Secret."""
    options = {option: values[key] for key, option in _OPTIONS.items() if key in values}
    if "endpoint" in values:
        options.setdefault("AWS_REGION", ANY_REGION)
        options["AWS_ALLOW_HTTP"] = str(values["endpoint"].startswith("http:")).lower()
    return options
